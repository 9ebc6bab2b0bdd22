/*
 * CSR numbers and the bits of those that Limpid uses.
 *
 * Source: RISC-V Privileged Architecture 1.12, chapters 2 to 4; Sstc 1.0;
 * Unprivileged ISA 20191213, chapter 11 (fcsr). Constants only, so that
 * assembler may include this file too.
 */
#ifndef RV_CSR_H
#define RV_CSR_H

/* Privilege levels, as encoded in MPP and in CSR numbers. */
#define PRV_U 0
#define PRV_S 1
#define PRV_M 3

/* Unprivileged. */
#define CSR_FFLAGS  0x001
#define CSR_FRM     0x002
#define CSR_FCSR    0x003
#define CSR_CYCLE   0xc00
#define CSR_TIME    0xc01
#define CSR_INSTRET 0xc02
#define CSR_HPM3    0xc03

/* Supervisor. */
#define CSR_SSTATUS    0x100
#define CSR_SIE        0x104
#define CSR_STVEC      0x105
#define CSR_SCOUNTEREN 0x106
#define CSR_SENVCFG    0x10a
#define CSR_SSCRATCH   0x140
#define CSR_SEPC       0x141
#define CSR_SCAUSE     0x142
#define CSR_STVAL      0x143
#define CSR_SIP        0x144
#define CSR_STIMECMP   0x14d
#define CSR_SATP       0x180

/* Machine. */
#define CSR_MVENDORID     0xf11
#define CSR_MARCHID       0xf12
#define CSR_MIMPID        0xf13
#define CSR_MHARTID       0xf14
#define CSR_MCONFIGPTR    0xf15
#define CSR_MSTATUS       0x300
#define CSR_MISA          0x301
#define CSR_MEDELEG       0x302
#define CSR_MIDELEG       0x303
#define CSR_MIE           0x304
#define CSR_MTVEC         0x305
#define CSR_MCOUNTEREN    0x306
#define CSR_MENVCFG       0x30a
#define CSR_MCOUNTINHIBIT 0x320
#define CSR_MHPMEVENT3    0x323
#define CSR_MSCRATCH      0x340
#define CSR_MEPC          0x341
#define CSR_MCAUSE        0x342
#define CSR_MTVAL         0x343
#define CSR_MIP           0x344
#define CSR_PMPCFG0       0x3a0
#define CSR_PMPADDR0      0x3b0
#define CSR_MCYCLE        0xb00
#define CSR_MINSTRET      0xb02
#define CSR_MHPMCOUNTER3  0xb03

/* mstatus and its window sstatus (section 3.1.6). */
#define MSTATUS_SIE  0x00000002
#define MSTATUS_MIE  0x00000008
#define MSTATUS_SPIE 0x00000020
#define MSTATUS_MPIE 0x00000080
#define MSTATUS_SPP  0x00000100
#define MSTATUS_MPP  0x00001800
#define MSTATUS_FS   0x00006000
#define MSTATUS_MPRV 0x00020000
#define MSTATUS_SUM  0x00040000
#define MSTATUS_MXR  0x00080000
#define MSTATUS_TVM  0x00100000
#define MSTATUS_TW   0x00200000
#define MSTATUS_TSR  0x00400000
#define MSTATUS_UXL  0x0000000300000000
#define MSTATUS_SXL  0x0000000c00000000
#define MSTATUS_SD   0x8000000000000000

#define MSTATUS_FS_SHIFT  13
#define MSTATUS_MPP_SHIFT 11
#define MSTATUS_UXL_SHIFT 32
#define MSTATUS_SXL_SHIFT 34

#define FS_OFF     0
#define FS_INITIAL 1
#define FS_CLEAN   2
#define FS_DIRTY   3

/* mip, mie, sip, sie: bit numbers are interrupt cause codes. */
#define IRQ_SSIP 1
#define IRQ_MSIP 3
#define IRQ_STIP 5
#define IRQ_MTIP 7
#define IRQ_SEIP 9
#define IRQ_MEIP 11

/* menvcfg (section 3.1.18, Sstc, Svadu). */
#define MENVCFG_FIOM 0x0000000000000001
#define MENVCFG_ADUE 0x2000000000000000
#define MENVCFG_STCE 0x8000000000000000

/* menvcfg and senvcfg, for cache-block operations (Zicbom, Zicboz). */
#define ENVCFG_CBIE  0x30
#define ENVCFG_CBCFE 0x40
#define ENVCFG_CBZE  0x80

/* mcounteren, scounteren. */
#define COUNTEREN_CY 0x1
#define COUNTEREN_TM 0x2
#define COUNTEREN_IR 0x4

/* satp for RV64 (section 4.1.11). */
#define SATP_MODE_SHIFT 60
#define SATP_ASID_SHIFT 44
#define SATP_ASID_MASK  0xffff
#define SATP_PPN_MASK   0x00000fffffffffff
#define SATP_MODE_BARE  0
#define SATP_MODE_SV39  8
#define SATP_MODE_SV48  9
#define SATP_MODE_SV57  10

/* fcsr (unprivileged, section 11.2). */
#define FFLAGS_NX 0x01
#define FFLAGS_UF 0x02
#define FFLAGS_OF 0x04
#define FFLAGS_DZ 0x08
#define FFLAGS_NV 0x10

#define FRM_RNE 0
#define FRM_RTZ 1
#define FRM_RDN 2
#define FRM_RUP 3
#define FRM_RMM 4
#define FRM_DYN 7

#endif
