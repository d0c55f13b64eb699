//! Formats of `PyArg_ParseTuple` and its kin, as far as what they parse can be kept.

/// What one unit of a format parses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// An object.
    Object,
    /// An object of a type, which is passed before its place.
    Checked,
    /// Text inside an object, which has to live as long as the text is used.
    Text,
    /// A number of so many bytes.
    Number(u8),
}

impl Unit {
    /// How many arguments it takes after the format.
    pub fn places(self) -> usize {
        if self == Self::Checked { 2 } else { 1 }
    }
}

/// The units of a format. A letter that cannot be kept is an error, and the last item.
pub struct Units<'a> {
    rest: &'a [u8],
}

impl<'a> Units<'a> {
    pub fn new(format: &'a [u8]) -> Self {
        Self { rest: format }
    }
}

const LONG: u8 = size_of::<core::ffi::c_long>() as u8;

impl Iterator for Units<'_> {
    type Item = Result<Unit, u8>;

    fn next(&mut self) -> Option<Self::Item> {
        let (letter, mut rest) = loop {
            let (&letter, rest) = self.rest.split_first()?;
            self.rest = rest;
            match letter {
                b'|' | b'$' => {}
                b':' | b';' => {
                    self.rest = &[];
                    return None;
                }
                _ => break (letter, rest),
            }
        };
        let mut unit = match letter {
            b'O' | b'S' | b'U' | b'Y' => Unit::Object,
            b's' | b'z' | b'y' => Unit::Text,
            b'b' | b'B' | b'c' => Unit::Number(1),
            b'h' | b'H' => Unit::Number(2),
            b'i' | b'I' | b'C' | b'p' | b'f' => Unit::Number(4),
            b'l' | b'k' => Unit::Number(LONG),
            b'L' | b'K' | b'd' => Unit::Number(8),
            b'n' => Unit::Number(size_of::<isize>() as u8),
            b'D' => Unit::Number(16),
            _ => {
                self.rest = &[];
                return Some(Err(letter));
            }
        };
        if let Some((&more @ (b'!' | b'&' | b'*' | b'#'), after)) = rest.split_first() {
            if letter != b'O' || more != b'!' {
                self.rest = &[];
                return Some(Err(more));
            }
            unit = Unit::Checked;
            rest = after;
        }
        self.rest = rest;
        Some(Ok(unit))
    }
}
