//! The units of formats whose arguments can be kept.

#[path = "../../src/base/format.rs"]
mod format;

use format::{Unit, Units};

fn units(text: &str) -> Vec<Result<Unit, u8>> {
    Units::new(text.as_bytes()).collect()
}

#[test]
fn each_letter_is_a_unit() {
    let long = std::mem::size_of::<std::ffi::c_long>() as u8;
    let pointer = std::mem::size_of::<usize>() as u8;
    for (letters, unit) in [
        ("OSUY", Unit::Object),
        ("szy", Unit::Text),
        ("bBc", Unit::Number(1)),
        ("hH", Unit::Number(2)),
        ("iICpf", Unit::Number(4)),
        ("lk", Unit::Number(long)),
        ("LKd", Unit::Number(8)),
        ("n", Unit::Number(pointer)),
        ("D", Unit::Number(16)),
    ] {
        for letter in letters.chars() {
            assert_eq!(units(&letter.to_string()), [Ok(unit)], "{letter}");
        }
    }
    assert_eq!(units("O!"), [Ok(Unit::Checked)]);
    assert_eq!((Unit::Checked.places(), Unit::Object.places()), (2, 1));
}

#[test]
fn what_is_no_unit_is_passed_over() {
    assert_eq!(units(""), []);
    assert_eq!(units("|$"), []);
    assert_eq!(
        units("O|O!$s:name(O)"),
        [Ok(Unit::Object), Ok(Unit::Checked), Ok(Unit::Text)]
    );
    assert_eq!(units("O;a message"), [Ok(Unit::Object)]);
}

#[test]
fn what_cannot_be_kept_ends_it() {
    for (text, letter) in [
        ("s#", b'#'),
        ("y*", b'*'),
        ("O&", b'&'),
        ("S!", b'!'),
        ("(OO)", b'('),
        ("es", b'e'),
        ("w*", b'w'),
        (" O", b' '),
        ("\u{e9}", 0xc3),
    ] {
        assert_eq!(units(text), [Err(letter)], "{text}");
    }
    assert_eq!(
        units("OO?O"),
        [Ok(Unit::Object), Ok(Unit::Object), Err(b'?')]
    );
}
