//! What the compiler cannot know: which way the code usually goes. It lays that out in one piece.

/// Marks the way to it as rarely taken.
#[cold]
const fn rare() {}

/// The condition, which usually holds.
#[inline(always)]
pub const fn likely(condition: bool) -> bool {
    if !condition {
        rare();
    }
    condition
}

/// The condition, which usually does not hold.
#[inline(always)]
pub const fn unlikely(condition: bool) -> bool {
    if condition {
        rare();
    }
    condition
}
