//! A step beside others: this program once more, as a child. Its output is kept until it has ended.

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

/// `cargo xtask WORDS` as a child. It ends with all that it has started when nobody waits for it any more.
pub(crate) struct Beside {
    group: Group,
    output: PathBuf,
}

impl Beside {
    /// With `behind` it takes the processor when nothing else wants it, where there is `nice`.
    ///
    /// # Errors
    /// The child cannot be started, or the target folder cannot be written to.
    pub(crate) fn start(shell: &Shell, words: &[&str], behind: bool) -> Result<Self> {
        let folder = shell.target().join("xtask");
        fs::create_dir_all(&folder).context("cannot write to the target folder")?;
        let output = folder.join(words.join("-")).with_extension("txt");
        let file = File::create(&output).with_context(|| format!("cannot write {}", output.display()))?;
        let program = env::current_exe().context("the task runner cannot find itself")?;
        let mut command = match find(&["nice"]).filter(|_| behind) {
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

    /// Once it has ended: how, and what it has printed.
    ///
    /// # Errors
    /// Its output cannot be read.
    pub(crate) fn ended(&mut self) -> Result<Option<(ExitStatus, String)>> {
        let Some(status) = self.group.ended()? else { return Ok(None) };
        Ok(Some((status, String::from_utf8_lossy(&fs::read(&self.output)?).into_owned())))
    }
}
