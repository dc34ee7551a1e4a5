//! Running programs: from the workspace's root, with the command printed first and unchanged output.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::group::{Group, shown};

/// The folders of the workspace and of its builds.
pub(crate) struct Shell {
    root: PathBuf,
    target: PathBuf,
}

impl Shell {
    /// # Errors
    /// When cargo cannot read the workspace.
    pub(crate) fn new() -> Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.parent().context("the task runner is in the workspace")?.to_owned();
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root, target })
    }

    /// The workspace's root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The npm package and the page.
    pub(crate) fn www(&self) -> PathBuf {
        self.root.join("www")
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// A cargo command. Variables that `cargo run` has set for the task runner are removed from the environment, because
    /// some build scripts watch them and would run again without need.
    pub(crate) fn cargo<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), args);
        for (name, _) in env::vars_os() {
            let is_from_cargo = name.to_str().is_some_and(|name| {
                ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"]
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
            });
            if is_from_cargo {
                command.env_remove(name);
            }
        }
        command
    }

    /// An npm command, in the npm package.
    pub(crate) fn npm<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.command("npm", args);
        command.current_dir(self.www());
        command
    }

    /// Any program, in the workspace's root.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).args(args);
        command
    }
}

/// Prints the command, runs it, and fails if it fails. No process that it started is running afterwards.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    let status = Group::start(command)?.wait()?;
    ensure!(status.success(), "`{}` failed ({status})", shown(command));
    Ok(())
}

/// Like `run`, but returns the output, and prints it after the end below a line with the name and the time. Until then the
/// output is in `target/xtask/NAME.txt`.
pub(crate) fn run_kept(shell: &Shell, name: &str, command: &mut Command) -> Result<String> {
    let folder = shell.target().join("xtask");
    fs::create_dir_all(&folder).context("cannot write to the target folder")?;
    let output = folder.join(name.replace(' ', "-")).with_extension("txt");
    let file = File::create(&output).with_context(|| format!("cannot write {}", output.display()))?;
    let begin = Instant::now();
    let status = Group::start(command.stdout(file.try_clone()?).stderr(file))?.wait()?;
    let text = String::from_utf8_lossy(&fs::read(&output)?).into_owned();
    println!("\n-- {name}: {:.1} s\n{}", begin.elapsed().as_secs_f32(), text.trim());
    ensure!(status.success(), "{name} failed ({status})");
    Ok(text)
}

/// What the command prints on stdout.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::piped()).output().with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        bail!(
            "`{}` failed ({})\n{}",
            shown(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the command starts and succeeds; it prints nothing.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The first of these programs that is in `PATH`.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let found = |name: &&str| env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    names.iter().find_map(found)
}
