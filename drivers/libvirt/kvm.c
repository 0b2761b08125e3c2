/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is KVM any good here? Where virtualization is nested badly, /dev/kvm opens, makes machines and
 * processors, and no Linux boots. So a guest of a few instructions runs first: long mode, SSE2
 * arithmetic, a loop of 10,000 turns, then an OUT with the sum.
 *
 * Its memory: code at 0x1000, page tables at 0x2000 (one identity-mapped 2 MiB page).
 */
#include "drivers/libvirt/kvm.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifdef __x86_64__
#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#define MEMORY      0x200000u
#define CODE        0x1000u
#define TABLES      0x2000u
#define PORT        0x217
#define SUM         (2u * 0x04030201u)
#define PATIENCE_MS 300 /* then a signal ends KVM_RUN */
#define CPUID_MAX   128u

static const guint8 code[] = {
    0x48, 0xb8, 1,    2,    3,    4,    5,    6, 7, 8, /* mov $0x0807060504030201, %rax */
    0x66, 0x48, 0x0f, 0x6e, 0xc0,                      /* movq %rax, %xmm0 */
    0x66, 0x0f, 0xd4, 0xc0,                            /* paddq %xmm0, %xmm0 */
    0x66, 0x48, 0x0f, 0x7e, 0xc0,                      /* movq %xmm0, %rax */
    0xb9, 0x10, 0x27, 0,    0,                         /* mov $10000, %ecx */
    0xff, 0xc9, 0x75, 0xfc,                            /* 1: dec %ecx; jnz 1b */
    0xba, 0x17, 0x02, 0,    0,    0xef, 0xf4,          /* mov $PORT, %edx; out %eax, (%dx); hlt */
};

typedef struct {
  int kvm, machine, processor;
  guint8 *memory;
  struct kvm_run *run;
  size_t run_size;
} Guest;

static void
guest_clear(Guest *guest)
{
  if (guest->run != MAP_FAILED)
    (void)munmap(guest->run, guest->run_size); /* all of it was made here */
  if (guest->memory != MAP_FAILED)
    (void)munmap(guest->memory, MEMORY);
  if (guest->processor >= 0)
    (void)close(guest->processor);
  if (guest->machine >= 0)
    (void)close(guest->machine);
  if (guest->kvm >= 0)
    (void)close(guest->kvm);
}

static gboolean
make(Guest *guest)
{
  guest->machine = ioctl(guest->kvm, KVM_CREATE_VM, 0);
  if (guest->machine < 0)
    return FALSE;
  (void)ioctl(guest->machine, KVM_SET_TSS_ADDR, 0xfffbd000); /* only some Intel CPUs want it */
  guest->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (guest->memory == MAP_FAILED)
    return FALSE;
  struct kvm_userspace_memory_region region = {.memory_size = MEMORY,
                                               .userspace_addr = (guintptr)guest->memory};
  if (ioctl(guest->machine, KVM_SET_USER_MEMORY_REGION, &region) < 0)
    return FALSE;
  guest->processor = ioctl(guest->machine, KVM_CREATE_VCPU, 0);
  int size = ioctl(guest->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  if (guest->processor < 0 || size <= 0)
    return FALSE;
  guest->run_size = (size_t)size;
  guest->run = mmap(NULL, guest->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->processor, 0);
  return guest->run != MAP_FAILED;
}

static void
fill_memory(Guest *guest)
{
  static const guint64 entries[] = {0x3007, 0x4007, 0x87}; /* PML4, PDPT, a page of 2 MiB */
  memcpy(guest->memory + CODE, code, sizeof code);
  for (guint i = 0; i < G_N_ELEMENTS(entries); i++)
    memcpy(guest->memory + TABLES + i * 0x1000, &entries[i], sizeof entries[i]);
}

static gboolean
set_long_mode(Guest *guest)
{
  struct kvm_sregs special;
  struct {
    struct kvm_cpuid2 head;
    struct kvm_cpuid_entry2 entries[CPUID_MAX];
  } cpuid = {.head.nent = CPUID_MAX};
  if (ioctl(guest->processor, KVM_GET_SREGS, &special) < 0 ||
      ioctl(guest->kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) < 0 ||
      ioctl(guest->processor, KVM_SET_CPUID2, &cpuid) < 0)
    return FALSE;
  struct kvm_segment text = {
      .limit = 0xffffffff, .selector = 8, .present = 1, .type = 11, .s = 1, .l = 1, .g = 1};
  struct kvm_segment data = {
      .limit = 0xffffffff, .selector = 16, .present = 1, .type = 3, .s = 1, .db = 1, .g = 1};
  special.cr0 = 0x80000033; /* paging, protection, FPU */
  special.cr3 = TABLES;
  special.cr4 = 0x620;  /* PAE, SSE */
  special.efer = 0x501; /* long mode */
  special.cs = text;
  special.ds = special.es = special.fs = special.gs = special.ss = data;
  struct kvm_regs general = {.rip = CODE, .rsp = 0x8000, .rflags = 2};
  return ioctl(guest->processor, KVM_SET_SREGS, &special) == 0 &&
         ioctl(guest->processor, KVM_SET_REGS, &general) == 0;
}

static void
wake(int number)
{
}

/* With a timer that interrupts KVM_RUN in this thread. */
static gboolean
run(Guest *guest)
{
  struct sigaction action = {.sa_handler = wake}, old;
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2};
  event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
  struct itimerspec patience = {.it_value = {0, PATIENCE_MS * 1000000L}};
  timer_t timer;
  if (sigaction(SIGUSR2, &action, &old) != 0)
    return FALSE;
  gboolean ran = FALSE;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) {
    ran = timer_settime(timer, 0, &patience, NULL) == 0 && ioctl(guest->processor, KVM_RUN, 0) == 0;
    (void)timer_delete(timer); /* made just above */
  }
  (void)sigaction(SIGUSR2, &old, NULL);
  guint32 sum = 0;
  if (!ran || guest->run->exit_reason != KVM_EXIT_IO || guest->run->io.port != PORT)
    return FALSE;
  memcpy(&sum, (guint8 *)guest->run + guest->run->io.data_offset, sizeof sum);
  return sum == SUM;
}

gboolean
vn_virt_kvm_usable(const char **out_why)
{
  Guest guest = {-1, -1, -1, MAP_FAILED, MAP_FAILED, 0};
  guest.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  *out_why = guest.kvm >= 0 ? "KVM does not run a probe guest (nested virtualization?)"
             : errno == EACCES || errno == EPERM ? "/dev/kvm is closed to this user (group kvm?)"
                                                 : "there is no /dev/kvm";
  gboolean usable =
      guest.kvm >= 0 && ioctl(guest.kvm, KVM_GET_API_VERSION, 0) == KVM_API_VERSION && make(&guest);
  if (usable)
    fill_memory(&guest);
  usable = usable && set_long_mode(&guest) && run(&guest);
  guest_clear(&guest);
  return usable;
}
#else
gboolean
vn_virt_kvm_usable(const char **out_why)
{
  *out_why = "KVM is used on x86-64 only";
  return FALSE;
}
#endif
