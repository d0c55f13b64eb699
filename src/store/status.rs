//! The small part of a store, which shares a word with the object's phase.

use crate::store::queue::Activity;

/// The small part of a store, which shares a word with the object's phase.
///
/// Fields that are read together are not adjacent: if two bytes are written one by one and then read as one, the processor has
/// to wait.
#[repr(C)]
pub struct Status {
    pub activity: Activity,
    /// `QUIET`, `CANCELLED`, `FINALIZED`, `AWAITED`, `STEP`.
    flags: u8,
    /// How many of the inline objects are saved.
    pub(super) inline_objects: u8,
    /// Which size the frame of a body has, for who keeps them.
    pub frame_size: FrameSize,
}

/// The size of a frame, as a number that fits here: 0 without a frame, or for one that is not kept.
pub type FrameSize = u8;

const QUIET: u8 = 1;
const CANCELLED: u8 = 2;
const FINALIZED: u8 = 4;
const AWAITED: u8 = 8;
const STEP: u8 = 16;

impl Status {
    pub const fn new() -> Self {
        Self {
            activity: Activity::Idle,
            inline_objects: 0,
            flags: 0,
            frame_size: 0,
        }
    }

    /// That of a new object with a body.
    #[inline(always)]
    pub const fn of_body(frame_size: FrameSize) -> Self {
        Self {
            activity: Activity::Body,
            frame_size,
            ..Self::new()
        }
    }

    /// That of a new step of a generator, which goes without the warning that awaitables give.
    #[inline(always)]
    pub const fn of_step(is_quiet: bool) -> Self {
        Self {
            flags: STEP | if is_quiet { QUIET } else { 0 },
            ..Self::of_body(0)
        }
    }

    /// Whether the object goes without the warning that it was never awaited.
    pub fn is_quiet(&self) -> bool {
        self.flags & QUIET != 0
    }

    /// Whether `Cancel` has been called since [`Status::forget_cancelled`].
    pub fn is_cancelled(&self) -> bool {
        self.flags & CANCELLED != 0
    }

    /// Notes that `Cancel` has been called: from here on the object gives no warning.
    pub fn note_cancelled(&mut self) {
        self.flags |= QUIET | CANCELLED;
    }

    /// Notes that the object goes without a warning, since somebody else gives it.
    pub fn note_quiet(&mut self) {
        self.flags |= QUIET;
    }

    /// Notes that the object gives the warning after all.
    pub fn forget_quiet(&mut self) {
        self.flags &= !QUIET;
    }

    pub fn forget_cancelled(&mut self) {
        self.flags &= !CANCELLED;
    }

    /// Whether the finalizer has been called, as CPython's collector notes for good in the memory of the object.
    pub fn is_finalized(&self) -> bool {
        self.flags & FINALIZED != 0
    }

    pub fn note_finalized(&mut self) {
        self.flags |= FINALIZED;
    }

    /// Whether the object is a step of a generator, or was one until it ended.
    #[inline]
    pub fn is_step(&self) -> bool {
        self.flags & STEP != 0
    }

    /// Whether an `await` has asked for what to drive.
    #[inline]
    pub fn is_awaited(&self) -> bool {
        self.flags & AWAITED != 0
    }

    #[inline]
    pub fn note_awaited(&mut self) {
        self.flags |= AWAITED;
    }
}
