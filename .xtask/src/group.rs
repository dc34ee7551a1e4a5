//! Process groups. Each program that the task runner starts is the leader of its own process group. When it has ended, or when the
//! task runner ends in any way (an error, Ctrl-C, a kill), all processes of the group are ended.
//!
//! For each program a shell waits for a line from the task runner. At the end of its input it sends SIGTERM to the group, and SIGKILL
//! two seconds later. So this needs neither a signal handler nor a running task runner.

use std::{
    io::Write as _,
    iter,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use anyhow::{Context as _, Result};

/// Waits for a line on stdin. `$0` is the group.
const WATCH: &str = "trap '' INT TERM HUP
read -r line || {
    kill -TERM -$0
    for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 -$0 || exit 0; sleep 0.2; done
}
kill -KILL -$0";

/// A running program with all processes that it starts.
pub(crate) struct Group {
    leader: Child,
    watch: Option<Child>,
}

impl Group {
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let leader =
            lead(command.stdin(Stdio::null())).spawn().with_context(|| format!("cannot start {}", shown(command)))?;
        let mut group = Self { leader, watch: None };
        if cfg!(unix) {
            let mut watch = Command::new("sh");
            watch.args(["-c", WATCH, &group.leader.id().to_string()]).stdin(Stdio::piped());
            group.watch =
                Some(lead(watch.stdout(Stdio::null()).stderr(Stdio::null())).spawn().context("cannot start sh")?);
        }
        Ok(group)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// The system reports an error.
    pub(crate) fn wait(mut self) -> Result<ExitStatus> {
        Ok(self.leader.wait()?)
    }

    /// Its status, if it has ended.
    ///
    /// # Errors
    /// The system reports an error.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.leader.try_wait()?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let ended = matches!(self.leader.try_wait(), Ok(Some(_)));
        let Some(watch) = &mut self.watch else {
            self.leader.kill().ok();
            return;
        };
        if let Some(mut line) = watch.stdin.take()
            && ended
        {
            line.write_all(b"\n").ok();
        }
        // A leader without a wait counts as running.
        self.leader.wait().ok();
        watch.wait().ok();
    }
}

#[cfg(unix)]
fn lead(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0)
}

#[cfg(not(unix))]
fn lead(command: &mut Command) -> &mut Command {
    command
}

/// The command as typed in a shell, with its environment variables.
pub(crate) fn shown(command: &Command) -> String {
    let set = command.get_envs().filter_map(|(name, value)| value.map(|value| (name, value)));
    let set = set.map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy()));
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = iter::once(program).chain(command.get_args()).map(|word| word.to_string_lossy().into_owned());
    set.chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::{
        io::Read as _,
        process::{Command, Stdio},
        time::{Duration, Instant},
    };

    use super::Group;

    /// A program that starts another one, prints its process id, and then runs `after`.
    fn start(after: &str) -> (Group, String) {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("sleep 60 >/dev/null & echo $!; exec >/dev/null; {after}")]);
        let mut group = Group::start(command.stdout(Stdio::piped())).unwrap();
        let mut number = String::new();
        group.leader.stdout.take().unwrap().read_to_string(&mut number).unwrap();
        (group, number.trim().to_owned())
    }

    /// Whether this process ends within a second: its new parent may reap it late.
    fn is_gone(number: &str) -> bool {
        let until = Instant::now() + Duration::from_secs(1);
        let state = || std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        let gone =
            || state().rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.trim_start().starts_with('Z'));
        while !gone() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        gone()
    }

    #[test]
    fn what_a_program_leaves_behind_ends_with_it() {
        let (group, left) = start("exit 3");
        assert_eq!(group.wait().unwrap().code(), Some(3));
        assert!(is_gone(&left));
    }

    #[test]
    fn a_program_that_nobody_waits_for_ends_with_all_that_it_has_started() {
        let (group, left) = start("sleep 60");
        let leader = group.leader.id().to_string();
        drop(group);
        assert!(is_gone(&left) && is_gone(&leader));
    }

    #[test]
    fn a_program_that_will_not_end_is_ended() {
        let (group, left) = start("trap '' TERM; sleep 60; sleep 60");
        drop(group);
        assert!(is_gone(&left));
    }
}
