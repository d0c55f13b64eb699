//! What a body returns, decoded. include/pyawaitable/language.h has the same numbers.

use super::frame::Outcome;
use core::ffi::c_int;

/// What the body wants done.
pub const AWAIT: c_int = 1;
pub const SUSPEND: c_int = 2;
pub const YIELD: c_int = 3;
pub const PARK: c_int = 4;
pub const END: c_int = 5;
pub const RETURN: c_int = 6;
pub const RAISE: c_int = 7;
pub const RERAISE: c_int = 8;
pub const ENTER: c_int = 9;
pub const LEAVE: c_int = 10;
pub const JUMP: c_int = 11;
pub const AENTER: c_int = 12;
pub const AEXIT: c_int = 13;
pub const EXITED: c_int = 14;
pub const AITER: c_int = 15;
pub const ANEXT: c_int = 16;
pub const DROP: c_int = 17;
pub const LOST: c_int = 18;
pub const STRAY: c_int = 19;

/// How a label is reached.
pub const OK: u8 = 0;
pub const RAISED: u8 = 1;
pub const EXHAUSTED: u8 = 2;
pub const BREAK: u8 = 3;
pub const CONTINUE: u8 = 4;

/// The state of a block.
pub const CLEAN: c_int = 0;
pub const NORMAL: c_int = 2;
pub const RAISING: c_int = 3;
pub const CAUGHT: c_int = 4;
pub const RETURNING: c_int = 5;
pub const BREAKING: c_int = 6;
pub const CONTINUING: c_int = 7;
pub const ITERATING: c_int = 8;
pub const ADVANCING: c_int = 9;

impl Outcome {
    /// One of the actions above.
    #[inline]
    pub fn what(self) -> c_int {
        self.action & 0xFF
    }

    /// How many blocks the place is inside.
    #[inline]
    pub fn level(self) -> usize {
        (self.action >> 8 & 0xFF) as usize
    }

    /// How many blocks the handler's own is inside, and one more for that; 0 without a handler.
    #[inline]
    pub fn handler_level(self) -> usize {
        (self.action >> 16 & 0xFF) as usize
    }

    /// The block that the action is about.
    #[inline]
    pub fn own(self) -> usize {
        (self.action >> 24 & 0x7F) as usize
    }
}
