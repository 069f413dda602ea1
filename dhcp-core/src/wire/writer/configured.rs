//! Which of the configured options are written, and in which order? What was asked for, in the order of the list; what hides what.

use core::net::Ipv4Addr;

use super::Reply;
use crate::wire::options::rendered::OUR_OWN;
use crate::wire::options::{CodeSet, Options, code};
use crate::wire::writer::room::Room;

/// Writes what is configured, filtered and ordered by what was asked for.
pub(super) fn put(reply: &impl Reply, room: &mut Room<'_>) {
    let (selection, netmask) = (&mut [0; 6], &mut [0; 6]);
    let selection = option(code::SUBNET_SELECTION, reply.subnet_selection(), selection);
    let netmask = option(code::SUBNET_MASK, reply.netmask(), netmask);
    let (reserved, rendered) = (reply.reserved(), reply.rendered().octets());
    let from = [selection, reserved, rendered, netmask];
    let mut configured = Configured { from, open: CodeSet::EMPTY };
    for octets in from {
        for (code, _) in Options::new(octets) {
            configured.open.insert(code);
        }
    }
    for code in OUR_OWN {
        configured.open.remove(*code);
    }
    if !selection.is_empty() {
        configured.put(code::SUBNET_SELECTION, room);
    }
    if let Some(requested) = reply.requested() {
        for code in requested {
            configured.put(*code, room);
        }
    } else {
        // Everything, but for what is only for those that ask.
        configured.open.remove(code::V6ONLY_PREFERRED);
        configured.put(code::SUBNET_MASK, room);
        for octets in [reserved, rendered] {
            for (code, _) in Options::new(octets) {
                configured.put(code, room);
            }
        }
    }
    configured.put(code::SUBNET_MASK, room);
}

/// An option that is an address, if there is one.
fn option(code: u8, address: Option<Ipv4Addr>, to: &mut [u8; 6]) -> &[u8] {
    let Some(address) = address else { return &[] };
    let [a, b, c, d] = address.octets();
    *to = [code, 4, a, b, c, d];
    to
}

/// What a configuration sets, and what hides it.
struct Configured<'a> {
    /// Rendered options. What is in one hides the same code in those behind it.
    from: [&'a [u8]; 4],
    /// What is there and was not placed yet, but for what a server writes by itself. Clients ask for a dozen options of which few are there.
    open: CodeSet,
}

impl Configured<'_> {
    /// Places an option if it is there and was not placed before; the mask goes before the routers.
    #[inline(never)]
    fn put(&mut self, code: u8, room: &mut Room<'_>) {
        if !self.open.remove(code) {
            return;
        }
        for octets in self.from {
            let mut options = Options::new(octets);
            if let Some(value) = options.value_of(code) {
                if code == code::ROUTERS {
                    self.put(code::SUBNET_MASK, room);
                }
                return room.put(code, value, options);
            }
        }
    }
}
