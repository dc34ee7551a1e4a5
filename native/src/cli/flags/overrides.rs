//! Flags that override the chain's schedule of forks, as written.

use clap::Args;
use petrel_core::fork::Fork;

/// The times of forks, in place of those of the chain's configuration.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Overrides")]
pub struct OverrideFlags {
    /// Activation of Regolith, Unix seconds; 0 is from the start. The chain's configuration has it otherwise
    #[arg(long = "override.regolith", value_name = "UNIX", env = "PETREL_OVERRIDE_REGOLITH")]
    pub regolith: Option<String>,
    /// The same for Canyon
    #[arg(long = "override.canyon", value_name = "UNIX", env = "PETREL_OVERRIDE_CANYON")]
    pub canyon: Option<String>,
    /// The same for Delta
    #[arg(long = "override.delta", value_name = "UNIX", env = "PETREL_OVERRIDE_DELTA")]
    pub delta: Option<String>,
    /// The same for Ecotone
    #[arg(long = "override.ecotone", value_name = "UNIX", env = "PETREL_OVERRIDE_ECOTONE")]
    pub ecotone: Option<String>,
    /// The same for Fjord
    #[arg(long = "override.fjord", value_name = "UNIX", env = "PETREL_OVERRIDE_FJORD")]
    pub fjord: Option<String>,
    /// The same for Granite
    #[arg(long = "override.granite", value_name = "UNIX", env = "PETREL_OVERRIDE_GRANITE")]
    pub granite: Option<String>,
    /// The same for Holocene
    #[arg(long = "override.holocene", value_name = "UNIX", env = "PETREL_OVERRIDE_HOLOCENE")]
    pub holocene: Option<String>,
    /// The same for Isthmus
    #[arg(long = "override.isthmus", value_name = "UNIX", env = "PETREL_OVERRIDE_ISTHMUS")]
    pub isthmus: Option<String>,
    /// The same for Jovian
    #[arg(long = "override.jovian", value_name = "UNIX", env = "PETREL_OVERRIDE_JOVIAN")]
    pub jovian: Option<String>,
    /// The same for Karst
    #[arg(long = "override.karst", value_name = "UNIX", env = "PETREL_OVERRIDE_KARST")]
    pub karst: Option<String>,
    /// The same for Lagoon
    #[arg(long = "override.lagoon", value_name = "UNIX", env = "PETREL_OVERRIDE_LAGOON")]
    pub lagoon: Option<String>,
}

impl OverrideFlags {
    /// Those that are given, in the order of the forks.
    pub fn given(&self) -> impl Iterator<Item = (Fork, &str)> {
        let all = [
            (Fork::Regolith, &self.regolith),
            (Fork::Canyon, &self.canyon),
            (Fork::Delta, &self.delta),
            (Fork::Ecotone, &self.ecotone),
            (Fork::Fjord, &self.fjord),
            (Fork::Granite, &self.granite),
            (Fork::Holocene, &self.holocene),
            (Fork::Isthmus, &self.isthmus),
            (Fork::Jovian, &self.jovian),
            (Fork::Karst, &self.karst),
            (Fork::Lagoon, &self.lagoon),
        ];
        all.into_iter().filter_map(|(fork, time)| Some((fork, time.as_deref()?)))
    }
}
