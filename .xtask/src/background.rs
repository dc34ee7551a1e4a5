//! A step in the background: this program as a child process. Its output is stored until it has ended.

use std::{
    env,
    fs::{self, File},
    path::PathBuf,
    process::ExitStatus,
};

use anyhow::{Context as _, Result};

use crate::{
    group::Group,
    shell::{Shell, find},
};

/// `cargo xtask WORDS` as a child process. It is ended, with all its children, when it is dropped.
pub(crate) struct BackgroundStep {
    group: Group,
    output: PathBuf,
}

impl BackgroundStep {
    /// With `low_priority` it has the lowest priority, if the machine has `nice`.
    ///
    /// # Errors
    /// The child cannot be started, or the target folder cannot be written to.
    pub(crate) fn start(shell: &Shell, words: &[&str], low_priority: bool) -> Result<Self> {
        let folder = shell.target().join("xtask");
        fs::create_dir_all(&folder).context("cannot write to the target folder")?;
        let output = folder.join(words.join("-")).with_extension("txt");
        let file = File::create(&output).with_context(|| format!("cannot write {}", output.display()))?;
        let program = env::current_exe().context("the task runner cannot find itself")?;
        let mut command = match find(&["nice"]).filter(|_| low_priority) {
            Some(nice) => {
                let mut command = shell.command(nice, ["-n", "19"]);
                command.arg(program);
                command
            }
            None => shell.command(program, [""; 0]),
        };
        let group = Group::start(command.args(words).stdout(file.try_clone()?).stderr(file))?;
        Ok(Self { group, output })
    }

    /// After its end: its status and its output.
    ///
    /// # Errors
    /// Its output cannot be read.
    pub(crate) fn ended(&mut self) -> Result<Option<(ExitStatus, String)>> {
        let Some(status) = self.group.ended()? else { return Ok(None) };
        Ok(Some((status, String::from_utf8_lossy(&fs::read(&self.output)?).into_owned())))
    }
}
