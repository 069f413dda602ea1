//! Which of the configured options are written, and in which order? What was asked for, in the order of the list; what hides what.

use super::ReplyOptions;
use crate::wire::options::rendered::{OUR_OWN, parts};
use crate::wire::options::{CodeSet, Fields, code};
use crate::wire::writer::room::Room;

/// Writes what is configured, filtered and ordered by what was asked for.
pub(super) fn put(options: &ReplyOptions<'_>, to: &mut Room<'_>) {
    let ReplyOptions { rendered, reserved, requested, .. } = *options;
    let [selection, netmask] =
        [(code::SUBNET_SELECTION, options.subnet_selection), (code::SUBNET_MASK, options.netmask)]
            .map(|(code, address)| {
                let [a, b, c, d] = address.map_or([0; 4], |address| address.octets());
                (address.is_some(), [code, 4, a, b, c, d])
            });
    let [selection, netmask] =
        [&selection, &netmask].map(|(there, option)| if *there { option.as_slice() } else { &[] });
    let from = [selection, reserved, rendered.octets(), netmask];
    let mut configured = Configured { from, placed: CodeSet::EMPTY };
    if !selection.is_empty() {
        configured.put(code::SUBNET_SELECTION, to);
    }
    if let Some(requested) = requested {
        for code in requested {
            if *code == code::ROUTERS && configured.has(code::ROUTERS) {
                configured.put(code::SUBNET_MASK, to);
            }
            configured.put(*code, to);
        }
    } else {
        // Everything, but for what is only for those that ask.
        configured.placed.insert(code::V6ONLY_PREFERRED);
        configured.put(code::SUBNET_MASK, to);
        for (code, _) in Fields::new(reserved, rendered.octets(), &[]) {
            configured.put(code, to);
        }
    }
    configured.put(code::SUBNET_MASK, to);
}

/// What a configuration sets, and what hides it.
struct Configured<'a> {
    /// Rendered options. What is in one hides the same code in those behind it.
    from: [&'a [u8]; 4],
    placed: CodeSet,
}

impl Configured<'_> {
    fn has(&self, code: u8) -> bool {
        self.from.iter().any(|octets| parts(octets, code).next().is_some())
    }

    /// Places an option if it is there, was not placed before, and is not one that a server writes by itself.
    #[inline(never)]
    fn put(&mut self, code: u8, to: &mut Room<'_>) {
        if !self.placed.insert(code) || OUR_OWN.contains(&code) {
            return;
        }
        let there = self.from.iter().find(|octets| parts(octets, code).next().is_some());
        if let Some(octets) = there {
            to.put_parts(code, &mut parts(octets, code));
        }
    }
}
