//! One netfilter queue of the network namespace that this process is in.

use std::io;
use std::os::fd::{OwnedFd, RawFd};

use nfq::Verdict;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::AddressFamily;
use rustix::net::sockopt::{set_socket_recv_buffer_size_force, socket_domain};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// A burst at 2.5 Gbit/s that is held for 10 ms stays in the kernel's queue; this is the room for its announcements.
const ROOM_BYTES: usize = 64 << 20;

/// How many packets the kernel keeps for the queue; without segmentation off-load 65,535 were just enough.
const LONGEST: u32 = 65_535;

/// A packet that the kernel keeps until it is told what becomes of it.
pub(crate) type Held = nfq::Message;

/// Why the queue is served no longer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "queue {number} of this network namespace is not to be had: {source} (root is needed, and no other server)"
    )]
    Open { number: u16, source: io::Error },
    #[error("the queue's socket was not found among the open files: {source}")]
    Socket { source: io::Error },
    #[error("the queue's socket got no room for bursts: {source} (root is needed)")]
    Room { source: Errno },
    #[error("no packet could be taken from the queue: {source}")]
    Take { source: io::Error },
    #[error("a packet could not be let go: {source}")]
    Release { source: io::Error },
    #[error("the queue could not be waited for: {source}")]
    Wait { source: Errno },
}

/// The present instant of the monotonic clock.
pub(crate) fn now_ns() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// The queue, and a second descriptor of its socket.
pub(crate) struct Queue {
    queue: nfq::Queue,
    socket: OwnedFd,
}

impl Queue {
    pub(crate) fn open(number: u16) -> Result<Self, Error> {
        let open = || -> io::Result<nfq::Queue> {
            let mut queue = nfq::Queue::open()?;
            queue.bind(number)?;
            queue.set_queue_max_len(number, LONGEST)?;
            // Only the announcement of a packet is needed here, not its bytes.
            queue.set_copy_range(number, 0)?;
            // Packets of up to 64 KiB stay whole: ten times fewer of them.
            queue.set_recv_gso(number, true)?;
            queue.set_nonblocking(true);
            Ok(queue)
        };
        let queue = open().map_err(|source| Error::Open { number, source })?;
        let socket = netlink_socket().map_err(|source| Error::Socket { source })?;
        set_socket_recv_buffer_size_force(&socket, ROOM_BYTES).map_err(|source| Error::Room { source })?;
        // Otherwise the kernel may wake a sleeper 50 µs late; where it refuses, delays are longer by that.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        Ok(Self { queue, socket })
    }

    /// The next packet that is there already.
    pub(crate) fn take(&mut self) -> Result<Option<Held>, Error> {
        match self.queue.recv() {
            Ok(packet) => Ok(Some(packet)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(source) => Err(Error::Take { source }),
        }
    }

    pub(crate) fn release(&mut self, mut packet: Held) -> Result<(), Error> {
        packet.set_verdict(Verdict::Accept);
        self.queue.verdict(packet).map_err(|source| Error::Release { source })
    }

    /// Returns when a packet is there or the instant has come, whichever is earlier.
    pub(crate) fn wait(&self, until_ns: Option<i64>) -> Result<(), Error> {
        let left = until_ns.map(|until_ns| {
            let left_ns = (until_ns - now_ns()).max(0);
            Timespec {
                tv_sec: left_ns / 1_000_000_000,
                tv_nsec: left_ns % 1_000_000_000,
            }
        });
        match poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], left.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(source) => Err(Error::Wait { source }),
        }
    }
}

/// A second descriptor of the one netlink socket of this process.
///
/// The library keeps its socket to itself. The kernel duplicates a descriptor by its number for whoever may trace the
/// process, and every process may trace itself, so no number has to be believed to be open.
fn netlink_socket() -> io::Result<OwnedFd> {
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<RawFd>().ok()) else {
            continue;
        };
        // The folder's own descriptor may be gone by now, and files have no domain.
        if let Ok(file) = pidfd_getfd(&this, number, PidfdGetfdFlags::empty())
            && socket_domain(&file) == Ok(AddressFamily::NETLINK)
        {
            return Ok(file);
        }
    }
    Err(io::ErrorKind::NotFound.into())
}
