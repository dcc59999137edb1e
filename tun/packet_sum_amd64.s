//go:build linux

#include "textflag.h"

// func copyBlocks(dst, src *byte, n int) uint64
//
// Each quadword is added as its two halves to accumulators of 64 bits, which
// cannot overflow: a block adds less than 1<<34.
TEXT ·copyBlocks(SB), NOSPLIT, $0-32
	MOVQ    dst+0(FP), DI
	MOVQ    src+8(FP), SI
	MOVQ    n+16(FP), CX
	CMPB    ·useAVX2(SB), $0
	JNE     avx2
	PXOR    X0, X0
	PXOR    X1, X1
	PXOR    X2, X2
	PXOR    X3, X3
	PCMPEQL X7, X7
	PSRLQ   $32, X7      // the low halves

block:
	MOVOU (SI), X4
	MOVOU 16(SI), X5
	MOVOU 32(SI), X8
	MOVOU 48(SI), X9
	MOVOU X4, (DI)
	MOVOU X5, 16(DI)
	MOVOU X8, 32(DI)
	MOVOU X9, 48(DI)
	MOVO  X4, X6
	PSRLQ $32, X4
	PAND  X7, X6
	PADDQ X4, X1
	PADDQ X6, X0
	MOVO  X5, X6
	PSRLQ $32, X5
	PAND  X7, X6
	PADDQ X5, X3
	PADDQ X6, X2
	MOVO  X8, X6
	PSRLQ $32, X8
	PAND  X7, X6
	PADDQ X8, X1
	PADDQ X6, X0
	MOVO  X9, X6
	PSRLQ $32, X9
	PAND  X7, X6
	PADDQ X9, X3
	PADDQ X6, X2
	ADDQ  $64, SI
	ADDQ  $64, DI
	SUBQ  $64, CX
	JNZ   block

	PADDQ X1, X0
	PADDQ X3, X2
	PADDQ X2, X0
	MOVO  X0, X1
	PSRLO $8, X1
	PADDQ X1, X0
	MOVQ  X0, AX
	MOVQ  AX, ret+24(FP)
	RET

avx2:
	VPXOR    Y0, Y0, Y0
	VPXOR    Y1, Y1, Y1
	VPXOR    Y2, Y2, Y2
	VPXOR    Y3, Y3, Y3
	VPCMPEQD Y7, Y7, Y7
	VPSRLQ   $32, Y7, Y7

block2:
	VMOVDQU (SI), Y4
	VMOVDQU 32(SI), Y5
	VMOVDQU Y4, (DI)
	VMOVDQU Y5, 32(DI)
	VPAND   Y7, Y4, Y6
	VPSRLQ  $32, Y4, Y4
	VPADDQ  Y6, Y0, Y0
	VPADDQ  Y4, Y1, Y1
	VPAND   Y7, Y5, Y8
	VPSRLQ  $32, Y5, Y5
	VPADDQ  Y8, Y2, Y2
	VPADDQ  Y5, Y3, Y3
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $64, CX
	JNZ     block2

	VPADDQ       Y1, Y0, Y0
	VPADDQ       Y3, Y2, Y2
	VPADDQ       Y2, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDQ       X1, X0, X0
	VPSRLDQ      $8, X0, X1
	VPADDQ       X1, X0, X0
	VMOVQ        X0, AX
	VZEROUPPER
	MOVQ         AX, ret+24(FP)
	RET
