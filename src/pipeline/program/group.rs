//! A program as the leader of a process group: whatever of the group is left when it ends is ended too.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};

/// A group whose leader was started here. Dropped, all of it is ended.
pub(super) struct Group {
    pub(super) leader: Child,
    is_reaped: bool,
}

impl Group {
    /// Starts the leader.
    pub(super) fn start(command: &mut Command) -> io::Result<Group> {
        Ok(Group { leader: command.process_group(0).spawn()?, is_reaped: false })
    }

    /// Whether the leader has ended; it is not reaped by that.
    pub(super) fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.pid()), options), Ok(None))
    }

    /// Sends a signal to all of it.
    pub(super) fn signal(&self, signal: Signal) {
        // It fails where nobody of the group is left, which is what is wanted.
        let _ = kill_process_group(self.pid(), signal);
    }

    /// Ends what is left of it, and says how the leader ended.
    pub(super) fn end(&mut self) -> io::Result<ExitStatus> {
        // Before its leader is reaped the group's number can belong to nobody else.
        self.signal(Signal::KILL);
        self.is_reaped = true;
        self.leader.wait()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.leader)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_reaped {
            let _ = self.end();
        }
    }
}
