//! Threads that run jobs: see pool.c.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

/// What a job begins with.
#[repr(C)]
pub struct Entry {
    next: *mut Entry,
    previous: *mut Entry,
    following: *mut Entry,
    run: unsafe extern "C" fn(*mut Entry),
    owner: *const c_void,
}

unsafe extern "C" {
    fn pyawaitable_pool_submit(job: *mut Entry) -> c_int;
    fn pyawaitable_pool_end(job: *mut Entry);
    fn pyawaitable_pool_each(
        owner: *const c_void,
        visit: unsafe extern "C" fn(*mut Entry, *mut c_void) -> c_int,
        argument: *mut c_void,
    );
    safe fn pyawaitable_pool_set_size(size: usize);
}

impl Entry {
    /// # Safety
    /// `run` may be called with the job that this begins, in any thread.
    pub const unsafe fn new(run: unsafe extern "C" fn(*mut Entry), owner: *const c_void) -> Self {
        Self {
            next: null_mut(),
            previous: null_mut(),
            following: null_mut(),
            run,
            owner,
        }
    }
}

/// Has a thread run the job; false if there is none, and none can be started.
///
/// # Safety
/// The job lives until it has called [`end`].
pub unsafe fn submit(job: *mut Entry) -> bool {
    // SAFETY: the caller's promise.
    unsafe { pyawaitable_pool_submit(job) == 0 }
}

/// The job, which has been taken on, has ended.
///
/// # Safety
/// It was submitted, once.
pub unsafe fn end(job: *mut Entry) {
    // SAFETY: the caller's promise.
    unsafe { pyawaitable_pool_end(job) }
}

/// The first job of an owner's, of those that have not ended, for which the function says so. It runs under the pool's lock.
///
/// # Safety
/// `is_it` takes jobs of that owner; `owner` is compared only.
pub unsafe fn find(owner: *const c_void, is_it: unsafe fn(*mut Entry) -> bool) -> *mut Entry {
    struct Search {
        is_it: unsafe fn(*mut Entry) -> bool,
        found: *mut Entry,
    }
    unsafe extern "C" fn visit(job: *mut Entry, search: *mut c_void) -> c_int {
        // SAFETY: the search below, and a job.
        unsafe {
            let search = &mut *search.cast::<Search>();
            if (search.is_it)(job) {
                search.found = job;
            }
            (!search.found.is_null()).into()
        }
    }
    let mut search = Search {
        is_it,
        found: null_mut(),
    };
    // SAFETY: the caller's promise.
    unsafe { pyawaitable_pool_each(owner, visit, (&raw mut search).cast()) };
    search.found
}

/// How many threads there may be; 0 for as many as is usual.
pub fn set_size(size: usize) {
    pyawaitable_pool_set_size(size);
}
