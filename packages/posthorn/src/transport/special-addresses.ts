// Addresses that no webhook of a stranger may reach, as data.
// Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates), IANA IPv6 Global Unicast
// Address Assignments, RFC 6761 special-use names, and the documentation of the clouds named below.

/** Networks that are not global unicast, or that hide another address in theirs. */
export const specialNetworks: readonly (readonly [cidr: string, use: string])[] = [
  ['0.0.0.0/8', 'this network'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'carrier-grade NAT'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'protocol assignments'],
  ['192.0.2.0/24', 'documentation'],
  ['192.31.196.0/24', 'AS112'],
  ['192.52.193.0/24', 'AMT relays'],
  ['192.88.99.0/24', '6to4 relays'],
  ['192.168.0.0/16', 'private'],
  ['192.175.48.0/24', 'AS112'],
  ['198.18.0.0/15', 'benchmarking'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
  // Inside 2000::/3, the only part of IPv6 that is assigned as global unicast.
  ['2001::/23', 'protocol assignments (Teredo among them)'],
  ['2001:db8::/32', 'documentation'],
  ['2002::/16', '6to4'],
  ['2620:4f:8000::/48', 'AS112'],
  ['3fff::/20', 'documentation'],
];

/** Everything else in IPv6 is loopback, link-local, unique local, multicast, translated or not assigned. */
export const globalIpv6 = '2000::/3';

/**
 * Where clouds serve credentials to any client inside. Never connected to unless the very address is named, not
 * even where private networks are open.
 */
export const metadataAddresses: readonly string[] = [
  // AWS, Azure, Google Cloud, Oracle, DigitalOcean, Hetzner, OpenStack …
  '169.254.169.254',
  // AWS: credentials of ECS tasks and EKS pods; time and DNS are beside them.
  '169.254.170.2',
  '169.254.170.23',
  '169.254.169.253',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd00:ec2::253',
  // Azure: WireServer.
  '168.63.129.16',
  // Google Cloud over IPv6.
  'fd20:ce::254',
  // Alibaba Cloud, Oracle Cloud (first generation), Tencent Cloud, Scaleway over IPv6.
  '100.100.100.200',
  '192.0.0.192',
  '169.254.0.23',
  'fd00:42::42',
];

/** Names of the above. */
export const metadataNames: readonly string[] = [
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.tencentyun.com',
  'instance-data',
  'instance-data.ec2.internal',
];

/** Names below these never lead to the public Internet; a name of one label leads through a search domain. */
export const localSuffixes: readonly string[] = [
  'localhost',
  'localdomain',
  'localdomain6',
  'local',
  'internal',
  'intranet',
  'lan',
  'corp',
  'home',
  'home.arpa',
  'private',
  'svc',
];
