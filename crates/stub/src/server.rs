//! The stub: its listener, its threads, and what they share.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::answers::Address;
use crate::broker::{Arrival, Broker};
use crate::clock::now_ns;
use crate::connection::Connection;
use crate::outbox::{Answer, Due};
use crate::requests::Request;
use crate::script::{InvalidScript, Script};
use crate::stalls::Stalls;
use crate::topics::{InvalidTopic, Topic, Topics};
use crate::truth::{Totals, Truth};

/// The most connections at a time.
const CONNECTIONS: usize = 4096;
/// How long to wait before accepting is tried again, where the host has no room for a connection.
const NO_ROOM: Duration = Duration::from_millis(10);

/// Why a stub did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The script cannot be followed.
    #[error("the script cannot be followed")]
    Script(#[source] InvalidScript),
    /// A topic cannot be.
    #[error("there can be no topic {name:?}")]
    Topic {
        /// Its name.
        name: String,
        /// Why not.
        source: InvalidTopic,
    },
    /// There is no port, or no thread.
    #[error("no port of 127.0.0.1 can be served")]
    Listen(#[source] io::Error),
}

/// A broker that runs until it is dropped, which closes its connections and waits for its threads.
///
/// It owns one thread that accepts, and two per connection. All methods may be called from any thread.
#[derive(Debug)]
pub struct Stub {
    shared: Arc<Shared>,
    listener: Arc<TcpListener>,
    address: SocketAddr,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    broker: Mutex<Broker>,
    /// The totals have changed.
    change: Condvar,
    stalls: Mutex<Stalls>,
    stopping: AtomicBool,
}

impl Stub {
    /// How many entries [`Truth::produced`] holds; about 110 bytes each.
    pub const ENTRIES: usize = 1 << 20;

    /// Starts a broker with these topics on a free port of 127.0.0.1. More can be made over the protocol.
    pub fn start(topics: &[Topic], script: Script) -> Result<Self, Error> {
        script.check().map_err(Error::Script)?;
        let mut all = Topics::default();
        for topic in topics {
            let refused = |source| Error::Topic {
                name: topic.name.clone(),
                source,
            };
            let partitions = topic.partitions as usize;
            all.create(&topic.name, partitions, Vec::new()).map_err(refused)?;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::Listen)?;
        let address = listener.local_addr().map_err(Error::Listen)?;
        let at = Address { port: address.port() };
        let shared = Arc::new(Shared {
            broker: Mutex::new(Broker::new(all, script, Self::ENTRIES, at, now_ns())),
            change: Condvar::new(),
            stalls: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        let listener = Arc::new(listener);
        let (theirs, socket) = (Arc::clone(&shared), Arc::clone(&listener));
        let acceptor = thread::Builder::new()
            .name("stub-accept".into())
            .spawn(move || accept(&socket, &theirs))
            .map_err(Error::Listen)?;
        Ok(Self {
            shared,
            listener,
            address,
            acceptor: Some(acceptor),
        })
    }

    /// The address for `bootstrap.servers`.
    pub fn bootstrap(&self) -> String {
        self.address.to_string()
    }

    /// Changes the script for the produce requests that arrive from now on; the numbers of requests go on, and so does
    /// the work that a server of [`Service::Rate`](crate::Service::Rate) has already taken on.
    pub fn set(&self, script: Script) -> Result<(), InvalidScript> {
        script.check()?;
        self.shared.broker().script = script;
        Ok(())
    }

    /// Lets no answer leave in `[at_ns, at_ns + length)`, whatever it answers. What would leave then leaves at the end,
    /// in order per connection. Meanwhile requests are read and appended, delays run on, and the one server of
    /// [`Service::Rate`](crate::Service::Rate) and [`Service::Queue`](crate::Service::Queue) stands still. An instant
    /// that has passed means now. Returns the instants at which the stall begins and ends.
    pub fn stall(&self, at_ns: i64, length: Duration) -> (i64, i64) {
        let length = i64::try_from(length.as_nanos()).unwrap_or(i64::MAX);
        let mut stalls = self.shared.stalls();
        let start = at_ns.max(now_ns());
        let end = start.saturating_add(length);
        stalls.add(start, end);
        (start, end)
    }

    /// The sums so far.
    pub fn totals(&self) -> Totals {
        self.shared.broker().totals
    }

    /// Waits until the sums are as wanted; `None` when they are not by the end of the time-out.
    pub fn wait_for(&self, timeout: Duration, mut wanted: impl FnMut(&Totals) -> bool) -> Option<Totals> {
        let woken = self
            .shared
            .change
            .wait_timeout_while(self.shared.broker(), timeout, |broker| !wanted(&broker.totals));
        let (broker, end) = woken.unwrap_or_else(PoisonError::into_inner);
        (!end.timed_out()).then_some(broker.totals)
    }

    /// All that is known. It is copied while the broker waits, some milliseconds with a full journal: ask when the load
    /// has ended.
    pub fn truth(&self) -> Truth {
        self.shared.broker().truth()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        // Ends a blocked accept.
        let _ = rustix::net::shutdown(&*self.listener, rustix::net::Shutdown::Both);
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.thread().unpark();
            // A thread that panicked has nothing more to close.
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    pub(crate) fn broker(&self) -> MutexGuard<'_, Broker> {
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stalls(&self) -> MutexGuard<'_, Stalls> {
        self.stalls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn handle(&self, request: &Request<'_>, connection: u64, at_ns: i64) -> Option<Answer> {
        let work_ns = self.stalls().work_time(at_ns);
        let arrival = Arrival {
            connection,
            at_ns,
            work_ns,
        };
        let mut broker = self.broker();
        let answer = broker.handle(request, arrival);
        self.changed(broker);
        answer
    }

    /// The instant at which an answer may leave, not before `floor`.
    pub(crate) fn due(&self, due: Due, floor: i64) -> i64 {
        let stalls = self.stalls();
        let instant = match due {
            Due::At(instant) => instant,
            Due::Work(work) => stalls.instant(work),
        };
        stalls.release(instant.max(floor))
    }

    /// Gives the broker back after a change of the totals.
    pub(crate) fn changed(&self, broker: MutexGuard<'_, Broker>) {
        drop(broker);
        self.change.notify_all();
    }
}

/// Accepts until the stub stops, and then waits for all connections.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut open: Vec<(Arc<Connection>, JoinHandle<()>)> = Vec::new();
    while !shared.stopping.load(Ordering::Acquire) {
        let Ok((stream, _)) = listener.accept() else {
            thread::park_timeout(NO_ROOM);
            continue;
        };
        open.retain(|(_, thread)| !thread.is_finished());
        let mut broker = shared.broker();
        let number = broker.totals.connections;
        broker.totals.connections += 1;
        drop(broker);
        let started = if open.len() < CONNECTIONS {
            start(stream, number, shared).ok()
        } else {
            None
        };
        let mut broker = shared.broker();
        broker.totals.refused += u64::from(started.is_none());
        shared.changed(broker);
        open.extend(started);
    }
    for (connection, _) in &open {
        connection.close();
    }
    for (_, thread) in open {
        // A thread that panicked has closed its connection by unwinding.
        let _ = thread.join();
    }
}

fn start(stream: TcpStream, number: u64, shared: &Arc<Shared>) -> io::Result<(Arc<Connection>, JoinHandle<()>)> {
    stream.set_nodelay(true)?;
    let connection = Arc::new(Connection::new(number, stream));
    let (theirs, shared) = (Arc::clone(&connection), Arc::clone(shared));
    let thread = thread::Builder::new()
        .name(format!("stub-read-{number}"))
        .spawn(move || theirs.serve(&shared))?;
    Ok((connection, thread))
}
