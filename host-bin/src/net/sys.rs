//! Which system calls has no safe library? `recvmmsg` and `sendmmsg` with what the kernel says beside the packets, and packet sockets. All
//! unsafe code of the workspace is in this file, behind safe functions.

#![allow(unsafe_code, reason = "system calls without a safe wrapper; see the notes at each block")]
#![allow(
    clippy::cast_possible_truncation,
    reason = "sizes of C structures, all below 256, in the many integer types that C gives lengths"
)]

use core::net::{Ipv4Addr, SocketAddrV4};
use core::time::Duration;
use core::{mem, ptr};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};

use socket2::Socket;
use tokio::io::unix::AsyncFd;

use crate::net::batch::{BATCH_MAX, Facts, Sent, Slot};

/// Octets for what the kernel says beside a packet: a time stamp and one of the two others, with headers, are at most 72.
const CONTROL_LEN: usize = 96;

/// Aligned as the headers in it must be.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_LEN]);

const _: () = assert!(align_of::<libc::cmsghdr>() <= align_of::<Control>());

/// An address of either kind of socket; the first field of both is the family.
#[derive(Clone, Copy)]
#[repr(C)]
union Name {
    family: libc::sa_family_t,
    packet: libc::sockaddr_ll,
    inet: libc::sockaddr_in,
}

/// A packet to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'p> {
    pub(super) octets: &'p [u8],
    /// None for a socket that is bound to an interface, or connected.
    pub(super) to: Option<To>,
}

/// Where a datagram goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct To {
    pub(super) destination: SocketAddrV4,
    /// Our address, or 0.0.0.0 to let the kernel choose.
    pub(super) source: Ipv4Addr,
    /// The interface, or 0 to let the kernel route.
    pub(super) interface: u32,
}

const EMPTY_PART: libc::iovec = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };

/// Lets the runtime say when the socket is ready.
///
/// # Errors
/// Those of the system.
pub(super) fn register(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: a `Socket` owns its descriptor, which stays open and the same until it is dropped.
    Ok(unsafe { AsyncFd::register(socket) }?)
}

/// The same for a descriptor that is no socket.
///
/// # Errors
/// Those of the system.
pub(crate) fn register_descriptor(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` owns its descriptor, which stays open and the same until it is dropped.
    Ok(unsafe { AsyncFd::register(descriptor) }?)
}

/// Receives what is there, without waiting.
///
/// # Errors
/// Those of `recvmmsg`; [`io::ErrorKind::WouldBlock`] when nothing is there.
pub(super) fn receive(fd: BorrowedFd<'_>, slots: &mut [Slot]) -> io::Result<usize> {
    // SAFETY: all bits zero are an address of the family 0.
    let mut names: [Name; BATCH_MAX] = unsafe { mem::zeroed() };
    let mut controls = [Control([0; CONTROL_LEN]); BATCH_MAX];
    let mut parts = [EMPTY_PART; BATCH_MAX];
    // SAFETY: all bits zero are null pointers with lengths of zero.
    let mut headers: [libc::mmsghdr; BATCH_MAX] = unsafe { mem::zeroed() };
    let rooms = slots.iter_mut().zip(&mut names).zip(&mut controls).zip(&mut parts);
    for ((((slot, name), control), part), header) in rooms.zip(&mut headers) {
        part.iov_base = slot.octets.as_mut_ptr().cast();
        part.iov_len = slot.octets.len();
        let header = &mut header.msg_hdr;
        header.msg_name = ptr::from_mut(name).cast();
        header.msg_namelen = size_of::<Name>() as libc::socklen_t;
        header.msg_iov = part;
        header.msg_iovlen = 1;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = CONTROL_LEN as _;
    }
    let count = slots.len().min(BATCH_MAX) as libc::c_uint;
    // SAFETY: the first `count` headers point to names, parts and control buffers that live until the end of this function, each with its
    // true length, and the parts to the slots' octets, which are borrowed exclusively meanwhile.
    let received = unsafe {
        libc::recvmmsg(
            fd.as_raw_fd(),
            headers.as_mut_ptr(),
            count,
            libc::MSG_DONTWAIT as _,
            ptr::null_mut(),
        )
    };
    let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
    for ((slot, header), name) in slots.iter_mut().zip(&headers).zip(&names).take(received) {
        slot.len = header.msg_len as usize;
        slot.facts = Facts {
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            ..Facts::default()
        };
        read_name(name, header.msg_hdr.msg_namelen, &mut slot.facts);
        read_controls(&header.msg_hdr, &mut slot.facts);
    }
    Ok(received)
}

fn read_name(name: &Name, len: libc::socklen_t, facts: &mut Facts) {
    let len = len as usize;
    if len < size_of::<libc::sa_family_t>() {
        return;
    }
    // SAFETY: every variant begins with the family, and all bits are valid in each of them.
    let family = i32::from(unsafe { name.family });
    if family == libc::AF_PACKET && len >= mem::offset_of!(libc::sockaddr_ll, sll_addr) {
        // SAFETY: the family says which variant the kernel wrote; what it left out stayed zero.
        let packet = unsafe { name.packet };
        facts.interface = u32::try_from(packet.sll_ifindex).unwrap_or(0);
        facts.packet_type = packet.sll_pkttype;
    } else if family == libc::AF_INET && len >= size_of::<libc::sockaddr_in>() {
        // SAFETY: as above.
        let inet = unsafe { name.inet };
        let address = Ipv4Addr::from(u32::from_be(inet.sin_addr.s_addr));
        facts.source = Some(SocketAddrV4::new(address, u16::from_be(inet.sin_port)));
    }
}

fn read_controls(header: &libc::msghdr, facts: &mut Facts) {
    // SAFETY: the kernel wrote `msg_controllen` octets of well-formed control messages into the buffer.
    let mut control = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: as above; both macros give null at the end, else a header within the buffer.
    while let Some(head) = unsafe { control.as_ref() } {
        match (head.cmsg_level, head.cmsg_type) {
            (libc::SOL_PACKET, libc::PACKET_AUXDATA) => {
                if let Some(auxdata) = data::<libc::tpacket_auxdata>(head) {
                    let tagged = auxdata.tp_status & libc::TP_STATUS_VLAN_VALID != 0;
                    facts.tag = tagged.then_some(auxdata.tp_vlan_tci);
                    facts.offloaded = auxdata.tp_status & libc::TP_STATUS_CSUMNOTREADY != 0;
                }
            }
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                if let Some(info) = data::<libc::in_pktinfo>(head) {
                    let address = |raw: libc::in_addr| Ipv4Addr::from(u32::from_be(raw.s_addr));
                    facts.interface = u32::try_from(info.ipi_ifindex).unwrap_or(0);
                    facts.destination = Some(address(info.ipi_addr));
                    facts.local = Some(address(info.ipi_spec_dst));
                }
            }
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                let time = data::<libc::timespec>(head);
                facts.received_at = time.and_then(|time| {
                    let nanos = u32::try_from(time.tv_nsec).ok()?;
                    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, nanos))
                });
            }
            _ => {}
        }
        // SAFETY: as above.
        control = unsafe { libc::CMSG_NXTHDR(header, control) };
    }
}

/// The data of a control message; `None` when it is too short for a `T`.
fn data<T: Copy>(head: &libc::cmsghdr) -> Option<T> {
    // SAFETY: `CMSG_LEN` only computes.
    let needed = unsafe { libc::CMSG_LEN(size_of::<T>() as u32) } as usize;
    #[allow(clippy::unnecessary_cast, reason = "it is a shorter type with some C libraries")]
    if (head.cmsg_len as usize) < needed {
        return None;
    }
    // SAFETY: the message has data for a `T`, as was checked; every `T` above is a C structure of integers. It need not be aligned.
    Some(unsafe { libc::CMSG_DATA(head).cast::<T>().read_unaligned() })
}

/// Sends up to [`BATCH_MAX`] messages without waiting; the others count as failed.
pub(super) fn send(fd: BorrowedFd<'_>, messages: &[Message<'_>]) -> Sent {
    // SAFETY: as in `receive`.
    let mut names: [Name; BATCH_MAX] = unsafe { mem::zeroed() };
    let mut controls = [Control([0; CONTROL_LEN]); BATCH_MAX];
    let mut parts = [EMPTY_PART; BATCH_MAX];
    // SAFETY: as in `receive`.
    let mut headers: [libc::mmsghdr; BATCH_MAX] = unsafe { mem::zeroed() };
    let rooms = messages.iter().zip(&mut names).zip(&mut controls).zip(&mut parts);
    for ((((message, name), control), part), header) in rooms.zip(&mut headers) {
        part.iov_base = message.octets.as_ptr().cast_mut().cast();
        part.iov_len = message.octets.len();
        let header = &mut header.msg_hdr;
        header.msg_iov = part;
        header.msg_iovlen = 1;
        if let Some(to) = message.to {
            name.inet = inet(to.destination);
            header.msg_name = ptr::from_mut(name).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_control = control.0.as_mut_ptr().cast();
            // SAFETY: `CMSG_SPACE` only computes.
            header.msg_controllen =
                unsafe { libc::CMSG_SPACE(size_of::<libc::in_pktinfo>() as u32) } as _;
            write_source(header, to);
        }
    }
    let count = messages.len().min(BATCH_MAX);
    let mut result = Sent { failed: messages.len() - count, ..Sent::default() };
    let mut at = 0;
    while let Some(rest) = headers.get_mut(at..count).filter(|rest| !rest.is_empty()) {
        // SAFETY: each of the headers points to a name, a part and a control buffer that live until the end of this function, each with its
        // true length, or to nothing. The kernel does not write to the octets of a message that is sent.
        let sent = unsafe {
            libc::sendmmsg(
                fd.as_raw_fd(),
                rest.as_mut_ptr(),
                rest.len() as libc::c_uint,
                libc::MSG_DONTWAIT as _,
            )
        };
        match usize::try_from(sent) {
            Ok(sent) if sent > 0 => {
                result.sent += sent;
                at += sent;
            }
            // The first of the rest is at fault; the others may still leave.
            Ok(_) | Err(_) => {
                result.error = Some(io::Error::last_os_error());
                result.failed += 1;
                at += 1;
            }
        }
    }
    result
}

fn inet(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    }
}

/// Says which address and interface a datagram leaves from.
fn write_source(header: &mut libc::msghdr, to: To) {
    let info = libc::in_pktinfo {
        ipi_ifindex: i32::try_from(to.interface).unwrap_or(0),
        ipi_spec_dst: libc::in_addr { s_addr: u32::from(to.source).to_be() },
        ipi_addr: libc::in_addr { s_addr: 0 },
    };
    // SAFETY: the control buffer has room for one `in_pktinfo` with its header, so that the first header is within it and so is its data;
    // the buffer is aligned for the header, and the data is written without asking for alignment.
    unsafe {
        let control = libc::CMSG_FIRSTHDR(header);
        let head = control.as_mut().expect("the control buffer has room for one header");
        head.cmsg_level = libc::IPPROTO_IP;
        head.cmsg_type = libc::IP_PKTINFO;
        head.cmsg_len = libc::CMSG_LEN(size_of::<libc::in_pktinfo>() as u32) as _;
        libc::CMSG_DATA(control).cast::<libc::in_pktinfo>().write_unaligned(info);
    }
}

/// Binds a packet socket to an interface, for frames of every type: a more special one would not see tags.
///
/// # Errors
/// Those of `bind`, such as when the interface is not there.
pub(super) fn bind_packet(fd: BorrowedFd<'_>, interface: u32) -> io::Result<()> {
    // SAFETY: all bits zero are an address without a protocol or interface.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET as libc::sa_family_t;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index(interface)?;
    // SAFETY: the pointer and the length are those of `address`.
    let bound = unsafe {
        libc::bind(
            fd.as_raw_fd(),
            ptr::from_ref(&address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    if bound == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Asks for what the kernel knows beside each frame: its tag, and whether its checksum is filled in.
///
/// # Errors
/// Those of `setsockopt`.
pub(super) fn want_auxdata(fd: BorrowedFd<'_>) -> io::Result<()> {
    set(fd, libc::SOL_PACKET, libc::PACKET_AUXDATA, 1_i32)
}

/// Asks the kernel not to show the socket what this host sends: it is copied for every packet socket that might want it.
///
/// # Errors
/// Those of `setsockopt`; kernels before 4.20 do not know of it.
pub(super) fn ignore_outgoing(fd: BorrowedFd<'_>) -> io::Result<()> {
    set(fd, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1_i32)
}

/// Asks for the time at which each packet came in.
///
/// # Errors
/// Those of `setsockopt`.
pub(super) fn want_timestamps(fd: BorrowedFd<'_>) -> io::Result<()> {
    set(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1_i32)
}

/// Asks for the interface and the addresses of each datagram.
///
/// # Errors
/// Those of `setsockopt`.
pub(super) fn want_pktinfo(fd: BorrowedFd<'_>) -> io::Result<()> {
    set(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1_i32)
}

/// Makes room for packets that wait, beyond the system's limit where that is allowed.
///
/// # Errors
/// Those of `setsockopt`.
pub(super) fn set_receive_buffer(fd: BorrowedFd<'_>, octets: i32) -> io::Result<()> {
    set(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, octets)
        .or_else(|_| set(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, octets))
}

/// Lets the socket receive frames to other hosts, too, until it is closed.
///
/// # Errors
/// Those of `setsockopt`.
pub(super) fn set_promiscuous(fd: BorrowedFd<'_>, interface: u32) -> io::Result<()> {
    let request = libc::packet_mreq {
        mr_ifindex: index(interface)?,
        mr_type: libc::PACKET_MR_PROMISC as u16,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set(fd, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, request)
}

fn index(interface: u32) -> io::Result<i32> {
    i32::try_from(interface).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

fn set<T: Copy>(fd: BorrowedFd<'_>, level: i32, option: i32, value: T) -> io::Result<()> {
    // SAFETY: the pointer and the length are those of `value`, which the kernel only reads.
    let done = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            option,
            ptr::from_ref(&value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
