//! The state machine, over every case it has.

#![allow(
    dead_code,
    reason = "the module is the crate's own, and only its decisions are tested here"
)]

#[path = "../../src/base/rules.rs"]
mod rules;

use rules::{
    Admission, ErrorVerdict, Phase, Refusal, Step, Verdict, admit, after_callback, after_deferred,
    after_error,
};

const PHASES: [Phase; 4] = [
    Phase::Created,
    Phase::Suspended,
    Phase::Running,
    Phase::Finished,
];
const STEPS: [Step; 4] = [Step::Next, Step::Send, Step::Throw, Step::Close];

#[test]
fn phase_survives_its_byte() {
    for phase in PHASES {
        assert_eq!(Phase::from_byte(phase as u8), phase);
    }
}

#[test]
fn a_step_within_a_step_is_refused() {
    for step in STEPS {
        assert_eq!(
            admit(Phase::Running, step),
            Admission::Refuse(Refusal::Executing)
        );
    }
}

#[test]
fn a_finished_object_refuses_everything_but_close() {
    for step in [Step::Next, Step::Send, Step::Throw] {
        assert_eq!(
            admit(Phase::Finished, step),
            Admission::Refuse(Refusal::Finished)
        );
    }
    assert_eq!(admit(Phase::Finished, Step::Close), Admission::Ignore);
}

#[test]
fn the_first_step_sends_none_or_ends_the_object() {
    assert_eq!(admit(Phase::Created, Step::Next), Admission::Enter);
    assert_eq!(
        admit(Phase::Created, Step::Send),
        Admission::Refuse(Refusal::JustStarted)
    );
    assert_eq!(admit(Phase::Created, Step::Throw), Admission::End);
    assert_eq!(admit(Phase::Created, Step::Close), Admission::End);
}

#[test]
fn a_suspended_object_takes_every_step() {
    for step in STEPS {
        assert_eq!(admit(Phase::Suspended, step), Admission::Enter);
    }
}

#[test]
fn return_values_of_callbacks() {
    for (code, raised, verdict) in [
        (0, false, Verdict::Proceed),
        (1, false, Verdict::Proceed),
        (0, true, Verdict::Contradiction),
        (1, true, Verdict::Contradiction),
        (-1, true, Verdict::Fail),
        (-1, false, Verdict::Contradiction),
        (-2, true, Verdict::Propagate),
        (-2, false, Verdict::Contradiction),
        (i32::MIN, true, Verdict::Propagate),
    ] {
        assert_eq!(after_callback(code, raised), verdict, "{code} {raised}");
        // A deferred callback has no error callback.
        let deferred = if verdict == Verdict::Fail {
            Verdict::Propagate
        } else {
            verdict
        };
        assert_eq!(after_deferred(code, raised), deferred, "{code} {raised}");
    }
}

#[test]
fn return_values_of_error_callbacks() {
    for cancelled in [false, true] {
        for (code, raised, verdict) in [
            (0, false, ErrorVerdict::Handled),
            (1, false, ErrorVerdict::Handled),
            (0, true, ErrorVerdict::Contradiction),
            (-1, false, ErrorVerdict::Reraise),
            (-1, true, ErrorVerdict::Reraise),
            (-2, true, ErrorVerdict::Replace),
            (i32::MIN, true, ErrorVerdict::Replace),
        ] {
            assert_eq!(
                after_error(code, raised, cancelled),
                verdict,
                "{code} {raised} {cancelled}"
            );
        }
    }
    assert_eq!(after_error(-2, false, false), ErrorVerdict::Contradiction);
    assert_eq!(after_error(-2, false, true), ErrorVerdict::Handled);
}
