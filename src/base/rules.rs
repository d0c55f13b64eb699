//! Just the state machine: which step may begin, and what a callback's return value means. No object, no interpreter, no unsafe
//! code.

/// The phase of an awaitable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Nothing has run yet.
    Created = 0,
    /// Between two steps.
    Suspended = 1,
    /// A step is under way, on some thread.
    Running = 2,
    /// It has returned or raised.
    Finished = 3,
}

impl Phase {
    /// The phase that was stored as a byte.
    #[inline]
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Phase::Created,
            1 => Phase::Suspended,
            2 => Phase::Running,
            _ => Phase::Finished,
        }
    }
}

/// A way to enter an awaitable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `send(None)`, `__next__`, and `am_send` with None.
    Next,
    /// `send` of any other value.
    Send,
    /// `throw`.
    Throw,
    /// `close`.
    Close,
}

/// What happens to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It runs; the phase is `Running` until it ends.
    Enter,
    /// It ends the object at once, and no callback runs: the first step is a `throw` or a `close`.
    End,
    /// It does nothing: `close` of a finished object.
    Ignore,
    /// It is refused, and nothing changes.
    Refuse(Refusal),
}

/// Why a step is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `ValueError`: a step is under way.
    Executing,
    /// `RuntimeError`: it has finished.
    Finished,
    /// `TypeError`: nothing waits yet for the value that is sent.
    JustStarted,
}

/// Whether `step` may begin in `phase`.
#[inline]
pub const fn admit(phase: Phase, step: Step) -> Admission {
    match (phase, step) {
        (Phase::Running, _) => Admission::Refuse(Refusal::Executing),
        (Phase::Finished, Step::Close) => Admission::Ignore,
        (Phase::Finished, _) => Admission::Refuse(Refusal::Finished),
        (Phase::Created, Step::Send) => Admission::Refuse(Refusal::JustStarted),
        (Phase::Created, Step::Throw | Step::Close) => Admission::End,
        (Phase::Created, Step::Next) | (Phase::Suspended, _) => Admission::Enter,
    }
}

/// What follows a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on with the queue.
    Proceed,
    /// The exception that is set goes to the error callback of the same await.
    Fail,
    /// The exception that is set propagates, bypassing the error callback.
    Propagate,
    /// A `SystemError`, which bypasses the error callback: the return value contradicts whether an exception is set.
    Contradiction,
}

/// What the return value of a callback means; `raised` is whether it left an exception set.
#[inline]
pub const fn after_callback(code: i32, raised: bool) -> Verdict {
    match (code, raised) {
        (0.., false) => Verdict::Proceed,
        (0.., true) | (_, false) => Verdict::Contradiction,
        (-1, true) => Verdict::Fail,
        (_, true) => Verdict::Propagate,
    }
}

/// What the return value of a deferred callback means.
#[inline]
pub const fn after_deferred(code: i32, raised: bool) -> Verdict {
    match after_callback(code, raised) {
        Verdict::Fail => Verdict::Propagate,
        other => other,
    }
}

/// What follows an error callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorVerdict {
    /// Handled: go on with the queue.
    Handled,
    /// The exception it was called with is raised again; one set meanwhile is discarded.
    Reraise,
    /// The exception that it set is raised instead.
    Replace,
    /// A `SystemError`.
    Contradiction,
}

/// What the return value of an error callback means; `cancelled` is whether it called `PyAwaitable_Cancel`.
#[inline]
pub const fn after_error(code: i32, raised: bool, cancelled: bool) -> ErrorVerdict {
    match (code, raised, cancelled) {
        (0.., false, _) => ErrorVerdict::Handled,
        (0.., true, _) => ErrorVerdict::Contradiction,
        (-1, _, _) => ErrorVerdict::Reraise,
        (_, true, _) => ErrorVerdict::Replace,
        (_, false, true) => ErrorVerdict::Handled,
        (_, false, false) => ErrorVerdict::Contradiction,
    }
}
