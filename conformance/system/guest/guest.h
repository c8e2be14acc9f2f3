// Shared by the parts of the guest.
typedef unsigned long u64;
typedef unsigned u32;

// What the last exception left; the layout is that of head.S.
struct record {
  u64 vector, esr, far, elr, spsr, daif, pan;
};
extern struct record record;
extern u64 user_x0;

extern int guarded(void (*function)(), u64 argument, u64 second);
extern void load(), load_word(), load_pair(), load_exclusive(), load_user(), store(), store_user();
extern void swap(), compare_swap(), zero_block(), jump(), load_debugged(), enter();
extern void unmask(), unmask_register(), wait_then_unmask();
extern char unmasked[], unmasked_register[], waited[];

#define READ(reg) ({ u64 v_; __asm__ volatile("mrs %0, " #reg : "=r"(v_)::"memory"); v_; })
#define WRITE(reg, value) \
  do { u64 v_ = (value); __asm__ volatile("msr " #reg ", %0\n isb" ::"r"(v_) : "memory"); } while (0)
#define BARRIER() __asm__ volatile("dsb ish\n isb" ::: "memory")
#define TLBI(kind) __asm__ volatile("dsb ish\n tlbi " #kind "\n dsb ish\n isb" ::: "memory")
#define TLBI_OPERAND(kind, value) \
  __asm__ volatile("dsb ish\n tlbi " #kind ", %0\n dsb ish\n isb" ::"r"((u64)(value)) : "memory")
#define SYNC_CODE() __asm__ volatile("dsb ish\n ic ialluis\n dsb ish\n isb" ::: "memory")
#define SET_PAN(value) __asm__ volatile("msr pan, %0" ::"i"(value) : "memory")

// Descriptor bits.
#define BLOCK 1ul
#define TABLE 3ul
#define PAGE 3ul
#define DEVICE (1ul << 2)
#define USER (1ul << 6)
#define READ_ONLY (2ul << 6)
#define SHARED (3ul << 8)
#define AF (1ul << 10)
#define NOT_GLOBAL (1ul << 11)
#define PXN (1ul << 53)
#define UXN (1ul << 54)
#define NORMAL_PAGE (PAGE | AF | SHARED)

// Tables: level 0 and 1 of the identity map; `pages` is the level 3 table of addresses from WINDOW.
#define WINDOW 0x80000000ul
extern u64 level0[], level1[], level2[], pages[];
// Tables for anything, 8192 entries each (enough for 64 KiB granules).
extern u64 spare[4][8192];
extern u64 data[8192];
extern u32 code[1024], other_code[1024];

// TCR_EL1 of the identity map, SCTLR_EL1 with the MMU on.
extern u64 tcr, sctlr;

// Window pages with a fixed use: code of EL0 (not executable at EL1), data of EL0.
#define USER_CODE (WINDOW + 0x10000)
#define USER_DATA (WINDOW + 0x11000)
void map_user(void);

// Console.
void print(const char *text);
void hex(u64 value);
void line(const char *name, u64 value);
// Prints how a guarded call ended.
void result(const char *name, int taken);

// AT S1E1R, S1E1W, S1E0R, S1E0W: 0 to 3. Gives PAR_EL1.
u64 translate(int operation, u64 address);

void permissions(void);
void faults(void);
void granules(void);
void tlb(void);
void traps(void);
void returns(void);
void debug(void);
void interrupts(void);
