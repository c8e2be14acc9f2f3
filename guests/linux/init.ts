/** The first program of the initramfs, for BusyBox's shell, and what it and its callers agree on. */

/** The file that the self-test makes repeats the numbers from 1 to this one, a line each. */
export const TEST_FILE_NUMBERS = 100_000;
/**
 * Its size in bytes. No two sectors of it are the same: what repeats has a length that is no multiple
 * of any power of two.
 */
export const TEST_FILE_BYTES: number = 64 * 2 ** 20;
/** Bytes from its start of which the self-test takes the SHA-256. */
export const TEST_HASH_BYTES: number = 50 * 2 ** 20;
/** MD5 of the whole file, which costs a guest less. */
export const TEST_FILE_MD5 = "00bc1a7e7ca34e2d6ad605b9c568c29f";
/** That SHA-256. */
export const TEST_HASH = "6226c0575b7f7af9119f8fe4509357cc346969dbb2e9e68460d34b9788382bf8";

/**
 * Kernel parameters:
 * vml=shell    a shell on the console (the default)
 * vml=off      powers off at once
 * vml=test     self-test with "VML-TEST ok|FAIL name" lines, then powers off; a disk is overwritten
 * vml=root     mounts /dev/vda and starts /sbin/init there
 * vml=script   runs the commands of /vml/script, from another archive behind this one, then powers off
 * vml=install  runs /vml-install/install on /dev/vda, as root file system, then powers off
 * vmlreboot    reboots where it would power off
 * vmlcpus=N    CPUs that the self-test expects
 */
export const INIT_SCRIPT: string = String.raw`#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TERM=linux PS1='\w # '
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /tmp
hostname vml
ip link set lo up

mode=shell
end="poweroff -f"
cpus=
for word in $(cat /proc/cmdline); do
  case $word in
    vml=*) mode=$(echo $word | cut -d= -f2) ;;
    vmlreboot*) end="reboot -f" ;;
    vmlcpus=*) cpus=$(echo $word | cut -d= -f2) ;;
  esac
done

load() {
  while read -r name; do
    insmod /lib/modules/$name.ko || echo "VML-INIT cannot load $name"
  done < /lib/modules/$1
}

finish() {
  sync
  $end
  # The machine goes off at some later instruction.
  while :; do sleep 60; done
}

uptime_now() { cut -d' ' -f1 /proc/uptime; }

load order
echo "VML-GUEST-READY uptime=$(uptime_now)"

failed=0
check() {
  local name=$1 start=$(milliseconds) result=ok
  if ! t_$name; then
    result=FAIL
    failed=$((failed + 1))
  fi
  echo "VML-TEST $result $name ($(($(milliseconds) - start)) ms)"
}

# Milliseconds since the start.
milliseconds() { awk '{ printf "%d", $1 * 1000 }' /proc/uptime; }

t_cpus() { [ -z "$cpus" ] || [ "$(nproc)" = "$cpus" ]; }
t_interrupts() {
  cat /proc/interrupts
  # Every CPU has had its timer.
  grep -E 'arch_timer|Local timer' /proc/interrupts | awk -v n=$(nproc) '
    { for (i = 2; i < 2 + n; i++) sum[i] += $i }
    END { for (i = 2; i < 2 + n; i++) if (sum[i] + 0 < 1) exit 1 }'
}
t_file() {
  seq 1 ${TEST_FILE_NUMBERS} > /tmp/numbers
  for i in $(seq 1 120); do cat /tmp/numbers; done > /tmp/file
  truncate -s ${TEST_FILE_BYTES} /tmp/file
  [ "$(md5sum < /tmp/file)" = "${TEST_FILE_MD5}  -" ]
}
t_sha256() { [ "$(dd if=/tmp/file bs=1M count=${
  TEST_HASH_BYTES / 2 ** 20
} 2>/dev/null | sha256sum)" = "${TEST_HASH}  -" ]; }
t_gzip() { gzip < /tmp/numbers | gunzip | cmp - /tmp/numbers; }
t_awk() { [ "$(awk 'BEGIN { for (i = 1; i <= 100000; i++) s += 1 / (i * i); printf "%.10f", s }')" = 1.6449240669 ]; }
t_fork() { local i=0; while [ $i -lt 200 ]; do /bin/true || return 1; i=$((i + 1)); done; }
t_pipe() { [ "$(yes vml | head -n 200000 | wc -c)" = 800000 ]; }
t_sysfs() { [ $(ls -R /sys 2>/dev/null | wc -l) -gt 5000 ]; }
t_block() {
  dd if=/tmp/file of=/dev/vda bs=1M conv=fsync 2>/dev/null || return 1
  echo 3 > /proc/sys/vm/drop_caches
  [ "$(dd if=/dev/vda bs=1M count=${
  TEST_FILE_BYTES / 2 ** 20
} 2>/dev/null | md5sum)" = "${TEST_FILE_MD5}  -" ]
}
t_block_small() {
  dd if=/tmp/file of=/dev/vda bs=512 seek=4097 count=9 conv=fsync 2>/dev/null || return 1
  echo 3 > /proc/sys/vm/drop_caches
  head -c 4608 /tmp/file > /tmp/small
  dd if=/dev/vda bs=512 skip=4097 count=9 2>/dev/null | cmp - /tmp/small || return 1
  # As it was before.
  dd if=/tmp/file of=/dev/vda bs=512 skip=4097 seek=4097 count=9 conv=fsync 2>/dev/null
}
t_hwrng() {
  grep -q virtio_rng /sys/class/misc/hw_random/rng_current || return 1
  dd if=/dev/hwrng of=/tmp/a bs=256 count=1 2>/dev/null
  dd if=/dev/hwrng of=/tmp/b bs=256 count=1 2>/dev/null
  [ $(wc -c < /tmp/a) = 256 ] && ! cmp -s /tmp/a /tmp/b
}
t_hvc0() { [ -c /dev/hvc0 ] && echo VML-HVC0 > /dev/hvc0; }
t_net() {
  ip addr add 10.0.2.15/24 dev eth0 && ip link set eth0 up || return 1
  # Nobody answers; the request for the neighbour's address has to leave.
  ping -c 1 -W 1 10.0.2.2 > /dev/null
  [ $(cat /sys/class/net/eth0/statistics/tx_packets) -gt 0 ]
}
t_sleep() {
  # A host that is busy may be late with anything: the date moves between the times read around it.
  local asked=$(milliseconds) date=$(date +%s) before=$(milliseconds)
  sleep 2
  local after=$(milliseconds) later=$(date +%s) end=$(milliseconds)
  local least=$((after - before)) most=$((end - asked)) moved=$(((later - date) * 1000))
  echo "VML-INFO sleep 2: $least to $most ms, $moved ms by the date"
  [ $least -ge 1990 ] && [ $moved -gt $((least - 1010)) ] && [ $moved -lt $((most + 1010)) ]
}
t_date() { [ $(date +%Y) -ge 2025 ]; }
t_oops() { ! dmesg | grep -E 'WARNING:|BUG:|Oops|Call trace|rcu.*stall|hung task|Unable to handle|soft lockup'; }

case $mode in
  off) finish ;;
  test)
    for name in cpus file sha256 gzip awk fork pipe sysfs block block_small hwrng hvc0 net sleep date interrupts oops; do
      check $name
    done
    dmesg -r | grep '^<[0-4]>' | sed 's/^<[0-9]*>\[ *[0-9.]*\] /VML-DMESG /'
    echo "VML-INFO end uptime=$(uptime_now)"
    if [ $failed = 0 ]; then echo "VML-SELFTEST PASS"; else echo "VML-SELFTEST FAIL $failed"; fi
    finish ;;
  script)
    . /vml/script
    finish ;;
  install)
    load root-order
    mount -t ext4 -o rw /dev/vda /mnt || finish
    # Unpacked by a user who is not root there.
    find /mnt -xdev ! -user 0 -exec chown -h 0:0 {} +
    for folder in proc sys dev; do mount --bind /$folder /mnt/$folder; done
    if chroot /mnt /bin/sh /vml-install/install; then echo "VML-INSTALL ok"; else echo "VML-INSTALL FAIL"; fi
    umount /mnt/proc /mnt/sys /mnt/dev
    umount /mnt
    finish ;;
  root)
    load root-order
    if mount -t ext4 -o rw /dev/vda /mnt; then
      for folder in proc sys dev; do mount --move /$folder /mnt/$folder; done
      exec switch_root /mnt /sbin/init
    fi
    echo "VML-INIT cannot mount /dev/vda"
    mode=shell ;;
esac

echo VML-SHELL
setsid cttyhack sh
finish
`;
