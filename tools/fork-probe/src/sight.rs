//! What this process may see of itself and of its child.

use nix::unistd::Pid;

use crate::kernel::pagemap::{Page, Pagemap};
use crate::kernel::smaps::Account;
use crate::kernel::{refusal, smaps};
use crate::recipe::Mapping;

/// One look at a mapping in one process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// The pages observed; none without pagemap.
    pub(crate) pages: Option<Vec<Page>>,
    /// The whole region; none without smaps.
    pub(crate) account: Option<Account>,
}

/// Looks, and remembers what could not be seen.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    /// What could not be seen, and why; each once.
    pub(crate) unseen: Vec<String>,
}

impl Sight {
    /// Look at a mapping in a process, or in this one.
    pub(crate) fn look(&mut self, mapping: &Mapping, pid: Option<Pid>) -> Snapshot {
        let pages = Pagemap::open(pid).and_then(|pagemap| pagemap.read(&mapping.addresses()));
        let account = smaps::account(pid, &mapping.whole());
        Snapshot {
            pages: self.noted("pagemap", pid, pages),
            account: self.noted("smaps", pid, account),
        }
    }

    fn noted<T>(
        &mut self,
        source: &str,
        pid: Option<Pid>,
        result: std::io::Result<T>,
    ) -> Option<T> {
        result
            .map_err(|error| {
                let whose = if pid.is_some() { " of the child" } else { "" };
                let why = refusal(&format!("{source}{whose}"), &error);
                if !self.unseen.contains(&why) {
                    self.unseen.push(why);
                }
            })
            .ok()
    }
}
