//! Work beside other work: this program once more, as a child. Steps that wait more than they work run side by side; what
//! takes long and is needed late begins early, when nothing else wants the machine.

use std::{
    env,
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command},
};

use anyhow::{Context as _, Result, ensure};

use crate::shell::{Shell, find};

/// `cargo xtask WORDS` as a child; what it prints is kept in `target/xtask` until it has ended.
pub(crate) struct Beside {
    child: Child,
    output: PathBuf,
    words: String,
}

impl Beside {
    /// # Errors
    /// The child cannot be started, or the target folder cannot be written to.
    pub(crate) fn start(shell: &Shell, words: &[&str]) -> Result<Self> {
        let program = env::current_exe().context("the task runner cannot find itself")?;
        Self::spawn(shell, &mut shell.command(program, words), words)
    }

    /// The same, behind everything else that runs here; beside it where there is no `nice`.
    ///
    /// # Errors
    /// As `start`.
    pub(crate) fn start_behind(shell: &Shell, words: &[&str]) -> Result<Self> {
        let Some(nice) = find(&["nice"]) else { return Self::start(shell, words) };
        let program = env::current_exe().context("the task runner cannot find itself")?;
        Self::spawn(shell, shell.command(nice, ["-n", "19"]).arg(program).args(words), words)
    }

    fn spawn(shell: &Shell, command: &mut Command, words: &[&str]) -> Result<Self> {
        let folder = shell.target().join("xtask");
        fs::create_dir_all(&folder).context("cannot write to the target folder")?;
        let output = folder.join(words.join("-")).with_extension("txt");
        let file = File::create(&output).with_context(|| format!("cannot write {}", output.display()))?;
        let child = command.stdout(file.try_clone()?).stderr(file).spawn()?;
        Ok(Self { child, output, words: words.join(" ") })
    }

    /// Waits for its end and shows what it has printed, which is also returned.
    ///
    /// # Errors
    /// It has failed.
    pub(crate) fn end(mut self) -> Result<String> {
        let status = self.child.wait()?;
        let text = String::from_utf8_lossy(&fs::read(&self.output)?).into_owned();
        print!("{text}");
        ensure!(status.success(), "`cargo xtask {}` failed ({status})", self.words);
        Ok(text)
    }
}

impl Drop for Beside {
    /// Nobody waits for it any more.
    fn drop(&mut self) {
        self.child.kill().ok();
    }
}
