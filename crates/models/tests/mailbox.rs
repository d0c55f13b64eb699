//! No wake is lost, and none is seen before what was written ahead of it, in whatever order threads send signals while the
//! loop's thread waits, empties its mailbox, or gives up.

#![cfg(loom)]
#![allow(
    dead_code,
    reason = "the module is the library's own, and not all of it is used here"
)]

#[path = "../../../src/base/mailbox.rs"]
mod mailbox;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use mailbox::{Left, Mailbox, Signal};

/// A loop with so many signals, and what tells it that its mailbox is no longer empty.
struct Loop<const SIGNALS: usize> {
    mailbox: Mailbox,
    signals: [Signal; SIGNALS],
    /// The descriptor: whether something was written, and who waits for that.
    told: Mutex<bool>,
    written: Condvar,
    writes: AtomicUsize,
    /// What is written before the first signal is sent; a race unless who is woken sees that.
    value: loom::cell::UnsafeCell<u32>,
}

// SAFETY: the value is written before a signal is sent, and read after it has arrived: that is what is tried.
unsafe impl<const SIGNALS: usize> Sync for Loop<SIGNALS> {}
// SAFETY: as above.
unsafe impl<const SIGNALS: usize> Send for Loop<SIGNALS> {}

impl<const SIGNALS: usize> Loop<SIGNALS> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            mailbox: Mailbox::new(),
            signals: core::array::from_fn(|_| Signal::new()),
            told: Mutex::new(false),
            written: Condvar::new(),
            writes: AtomicUsize::new(0),
            value: loom::cell::UnsafeCell::new(0),
        })
    }

    fn send(&self, index: usize) {
        let signal = &self.signals[index];
        if signal.send() {
            // SAFETY: the signal lives as long as the loop, and has to be left.
            if unsafe { self.mailbox.leave((&raw const *signal).cast_mut()) } == Left::First {
                self.writes.fetch_add(1, Ordering::Relaxed);
                *self.told.lock().expect("no panic") = true;
                self.written.notify_one();
            }
        }
    }

    /// Waits until told, as in a selector. If a signal were lost, all threads would wait: loom finds that.
    fn select(&self) {
        let mut told = self.told.lock().expect("no panic");
        while !*told {
            told = self.written.wait(told).expect("no panic");
        }
        *told = false;
    }

    /// How many of the signals that were taken out had somebody to wake.
    fn drain(&self, waiting: &mut [bool; SIGNALS]) -> usize {
        let mut batch = self.mailbox.empty();
        let mut woken = 0;
        loop {
            let signal = batch.pop();
            if signal.is_null() {
                return woken;
            }
            let index = self
                .signals
                .iter()
                .position(|each| core::ptr::eq(each, signal))
                .expect("one of ours");
            if core::mem::take(&mut waiting[index]) {
                self.signals[index].arrive();
                woken += 1;
            } else {
                self.signals[index].keep();
            }
        }
    }
}

/// Waits for one signal, for as long as a loop that does nothing else would.
fn wait_for<const SIGNALS: usize>(the: &Loop<SIGNALS>, index: usize) {
    let mut waiting = [false; SIGNALS];
    if the.signals[index].wait() {
        waiting[index] = true;
        while waiting[index] {
            the.select();
            the.drain(&mut waiting);
        }
    }
}

#[test]
fn a_signal_from_two_threads_is_not_lost() {
    loom::model(|| {
        let the = Loop::<1>::new();
        let senders = [0, 1].map(|_| {
            let the = Arc::clone(&the);
            thread::spawn(move || the.send(0))
        });
        wait_for(&the, 0);
        for sender in senders {
            sender.join().expect("no panic");
        }
    });
}

#[test]
fn what_was_written_before_is_seen() {
    loom::model(|| {
        let the = Loop::<1>::new();
        let sender = {
            let the = Arc::clone(&the);
            thread::spawn(move || {
                // SAFETY: read only after the signal.
                the.value.with_mut(|value| unsafe { *value = 1 });
                the.send(0);
            })
        };
        wait_for(&the, 0);
        // SAFETY: written before the signal was sent.
        assert_eq!(the.value.with(|value| unsafe { *value }), 1);
        sender.join().expect("no panic");
    });
}

/// The second wait is for a signal sent during, or after, the first: one is enough for it, and it does not wait for ever.
#[test]
fn a_signal_during_the_step_ends_the_next_wait() {
    loom::model(|| {
        let the = Loop::<1>::new();
        let first = {
            let the = Arc::clone(&the);
            thread::spawn(move || the.send(0))
        };
        wait_for(&the, 0);
        first.join().expect("no panic");
        let second = {
            let the = Arc::clone(&the);
            thread::spawn(move || the.send(0))
        };
        wait_for(&the, 0);
        second.join().expect("no panic");
    });
}

#[test]
fn each_of_two_waiters_is_woken_and_writes_are_few() {
    loom::model(|| {
        let the = Loop::<2>::new();
        let mut waiting = [the.signals[0].wait(), the.signals[1].wait()];
        assert_eq!(waiting, [true; 2]);
        let senders = [0, 1].map(|index| {
            let the = Arc::clone(&the);
            thread::spawn(move || the.send(index))
        });
        let mut drains = 0;
        while waiting != [false; 2] {
            the.select();
            the.drain(&mut waiting);
            drains += 1;
        }
        for sender in senders {
            sender.join().expect("no panic");
        }
        assert!(the.writes.load(Ordering::Relaxed) <= drains + 1);
    });
}

/// Who gave up waiting, and waits again, is woken by a signal sent at any time since.
#[test]
fn a_signal_is_not_lost_to_who_gave_up() {
    loom::model(|| {
        let the = Loop::<1>::new();
        let sender = {
            let the = Arc::clone(&the);
            thread::spawn(move || the.send(0))
        };
        if the.signals[0].wait() {
            the.signals[0].give_up();
            wait_for(&the, 0);
        }
        sender.join().expect("no panic");
    });
}

/// The same, where the loop has emptied its mailbox in between, and found nobody to wake.
#[test]
fn a_signal_that_wakes_nobody_is_kept() {
    loom::model(|| {
        let the = Loop::<1>::new();
        let sender = {
            let the = Arc::clone(&the);
            thread::spawn(move || the.send(0))
        };
        if the.signals[0].wait() {
            the.signals[0].give_up();
            the.drain(&mut [false]);
            wait_for(&the, 0);
        }
        sender.join().expect("no panic");
    });
}

/// A signal is in the mailbox once, even if it was left for who gave up, and is sent again to who waits now.
#[test]
fn a_signal_is_left_once() {
    loom::model(|| {
        let the = Loop::<1>::new();
        let senders = [0, 1].map(|_| {
            let the = Arc::clone(&the);
            thread::spawn(move || the.send(0))
        });
        let mut waiting = [the.signals[0].wait()];
        if waiting[0] {
            the.signals[0].give_up();
            waiting = [the.signals[0].wait()];
        }
        for sender in senders {
            sender.join().expect("no panic");
        }
        let mut batch = the.mailbox.empty();
        let left = !batch.pop().is_null();
        assert!(batch.pop().is_null());
        assert_eq!(left, waiting[0]);
    });
}

/// A signal is left in a mailbox that is closed, or comes out of it when it is closed: never both, never neither.
#[test]
fn a_closed_mailbox_gives_every_signal_back_once() {
    loom::model(|| {
        let the = Loop::<1>::new();
        assert!(the.signals[0].wait());
        let sender = {
            let the = Arc::clone(&the);
            thread::spawn(move || {
                let signal = &the.signals[0];
                assert!(signal.send());
                // SAFETY: the signal lives as long as the loop, and has to be left.
                unsafe { the.mailbox.leave((&raw const *signal).cast_mut()) }
            })
        };
        let taken_out = !the.mailbox.close().pop().is_null();
        let left = sender.join().expect("no panic");
        assert_eq!(taken_out, left != Left::Closed);
    });
}
