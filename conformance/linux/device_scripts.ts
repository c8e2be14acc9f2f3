/**
 * What Linux does with its devices: scripts for `vml=script`, with the functions of our init. Parameters
 * are words of the kernel command line.
 */

/** Sets parameters: the shell gets NAME=VALUE words that begin with "vml_" as variables. */
const PARAMETERS = String.raw`
for word in $(cat /proc/cmdline); do
  case $word in vml_*) eval "$word" ;; esac
done
all() {
  for name in "$@"; do check $name; done
  if [ $failed = 0 ]; then echo "VML-SELFTEST PASS"; else echo "VML-SELFTEST FAIL $failed"; fi
}
`;

/** The DHCP client's script: sets what the server says. */
const DHCP_SCRIPT = String.raw`
t_dhcp() {
  cat > /tmp/dhcp <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add $ip/$mask dev $interface
ip route add default via $router
echo "nameserver $dns" > /etc/resolv.conf
END
  chmod +x /tmp/dhcp
  ip link set eth0 up
  udhcpc -i eth0 -n -q -t 5 -s /tmp/dhcp 2>&1
  ip addr show eth0
  ip addr show eth0 | grep -q "inet 10.0.2.15/24" && ip route | grep -q "default via 10.0.2.2"
}
`;

/**
 * The user-mode network. vml_http: port of the host's server, which serves /data; vml_md5: MD5 of that;
 * vml_sink: port of the host that takes bytes and answers with their MD5.
 */
export const NETWORK_SCRIPT: string = PARAMETERS + DHCP_SCRIPT + String.raw`
t_ping() { ping -c 3 10.0.2.2; }
t_download() { [ "$(wget -q -O - http://10.0.2.2:$vml_http/data | md5sum)" = "$vml_md5  -" ]; }
t_upload() {
  seq 1 1500000 > /tmp/up
  [ "$(nc 10.0.2.2 $vml_sink < /tmp/up)" = "$(md5sum < /tmp/up | cut -d' ' -f1)" ]
}
# Nobody listens there.
t_refused() { ! wget -q -T 5 -O /dev/null http://10.0.2.2:$vml_closed/; }
t_inbound() {
  mkdir /tmp/www
  seq 1 200000 > /tmp/www/numbers
  httpd -p 80 -h /tmp/www
  echo VML-LISTEN
  # The host connects there when it has fetched the file.
  [ "$(nc -l -p 9 < /dev/null)" = fetched ]
}
all dhcp ping download upload refused inbound
`;

/** Two machines on a hub; vml_host: 1 is the server, 2 asks it. */
export const HUB_SCRIPT: string = PARAMETERS + String.raw`
ip addr add 10.9.0.$vml_host/24 dev eth0
ip link set eth0 up
t_serve() {
  mkdir /tmp/www
  seq 1 400000 > /tmp/www/numbers
  httpd -p 80 -h /tmp/www
  echo VML-LISTEN
  [ "$(nc -l -p 9 < /dev/null)" = fetched ]
}
t_ping() { ping -c 3 10.9.0.1; }
t_fetch() {
  seq 1 400000 > /tmp/numbers
  wget -q -O - http://10.9.0.1/numbers | cmp - /tmp/numbers || return 1
  # The listener has only one connection to give.
  echo fetched | nc 10.9.0.1 9
}
if [ $vml_host = 1 ]; then all serve; else all ping fetch; fi
`;

/** A file system on the first disk: made and filled, checked after the power was off (vml_step=1, 2). */
export const FILES_SCRIPT: string = PARAMETERS + String.raw`
PATH=/bin:/sbin
load root-order
t_make() {
  mkfs.ext4 -q /dev/vda && mount -t ext4 /dev/vda /mnt || return 1
  for i in $(seq 1 40); do seq $i 20000 > /mnt/file$i; done
  mkdir /mnt/folder
  ln -s ../file7 /mnt/folder/link
  (cd /mnt && md5sum file* > sums) && umount /mnt
}
t_fsck() { e2fsck -f -n /dev/vda; }
t_sums() {
  mount -t ext4 -o ro /dev/vda /mnt && cd /mnt && md5sum -c sums | grep -v OK
  [ $(grep -c . sums) = 40 ] && md5sum -c sums > /dev/null && cmp folder/link file7
}
if [ $vml_step = 1 ]; then all make fsck; else all fsck sums; fi
`;

/** A console of several ports: "org.vml.data" leads to a file of the host. */
export const PORTS_SCRIPT: string = PARAMETERS + String.raw`
t_port() {
  for port in /sys/class/virtio-ports/*; do
    [ "$(cat $port/name)" = org.vml.data ] && break
  done
  echo "VML-INFO port $port"
  seq 1 300000 > /dev/$(basename $port)
}
t_console() { [ -c /dev/hvc0 ] && echo VML-HVC0 > /dev/hvc0; }
all port console
`;

/** vsock: vml_vsock: port of the host that sends back what it gets. */
export const VSOCK_SCRIPT: string = PARAMETERS + String.raw`
load vsock-order
t_guest_to_host() {
  seq 1 200000 > /tmp/numbers
  vsock cat 2 $vml_vsock < /tmp/numbers | cmp - /tmp/numbers
}
t_host_to_guest() {
  echo VML-LISTEN
  vsock echo 7 1
}
all guest_to_host host_to_guest
`;
