//! This machine's routers, by the system's routing table. Any machine of the network can answer a search for routers; the routing
//! table has the real ones.

use std::net::Ipv4Addr;

/// Linux's IPv4 routes (`proc_net_route`: a line of names, then one route a line, numbers in hexadecimal).
const ROUTES: &str = "/proc/net/route";
/// `RTF_GATEWAY` of Linux's `route.h`: the route leads through a router.
const THROUGH_ROUTER: u32 = 2;
/// Routes that are read at most.
const MAX_ROUTES: usize = 4096;

/// The routers of the default routes; `None` where the system has no such table.
pub(super) fn default_routers() -> Option<Vec<Ipv4Addr>> {
    std::fs::read_to_string(ROUTES).ok().map(|table| parse(&table))
}

fn parse(table: &str) -> Vec<Ipv4Addr> {
    table.lines().skip(1).take(MAX_ROUTES).filter_map(default_router).collect()
}

/// The router of one line, if it is a default route through one.
fn default_router(line: &str) -> Option<Ipv4Addr> {
    let mut fields = line.split_whitespace().skip(1).map(|field| u32::from_str_radix(field, 16).ok());
    let (destination, router, flags) = (fields.next()??, fields.next()??, fields.next()??);
    let mask = fields.nth(3)??;
    // An address is printed as one number of this processor's byte order.
    let is_default = destination == 0 && mask == 0 && flags & THROUGH_ROUTER != 0;
    is_default.then(|| Ipv4Addr::from(router.to_ne_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of the table, with numbers as this processor's kernel prints them.
    fn line(destination: [u8; 4], router: [u8; 4], flags: u32, mask: [u8; 4]) -> String {
        let hex = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
        format!("eth0\t{}\t{}\t{flags:04X}\t0\t0\t100\t{}\t0\t0\t0\n", hex(destination), hex(router), hex(mask))
    }

    #[test]
    fn routers_of_default_routes_are_found_and_no_others() {
        let lines = [
            line([0; 4], [192, 168, 1, 1], 3, [0; 4]),
            line([192, 168, 1, 0], [0; 4], 1, [255, 255, 255, 0]),
            // A network behind another router, a default route without one, and half of a VPN's default route.
            line([10, 0, 0, 0], [192, 168, 1, 9], 3, [255, 0, 0, 0]),
            line([0; 4], [0; 4], 1, [0; 4]),
            line([0; 4], [10, 8, 0, 1], 3, [128, 0, 0, 0]),
            "garbage\n".to_owned(),
            "eth0 0 x 3 0 0 0 0\n".to_owned(),
            line([0; 4], [192, 168, 2, 1], 3, [0; 4]),
        ];
        let found = parse(&format!("Iface\tDestination\tGateway\tFlags\n{}", lines.concat()));
        assert_eq!(found, [Ipv4Addr::new(192, 168, 1, 1), Ipv4Addr::new(192, 168, 2, 1)]);
    }
}
