//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

// asmMicroKernels lists the assembly micro-kernels that this processor can run, the fastest first.
func asmMicroKernels() []*microKernel {
	var list []*microKernel
	if cpu.X86.HasAVX512F && cpu.X86.HasBMI2 {
		list = append(list, &microKernel{name: "avx512", rows: 14, cols: 32, copy: copyLanesAVX512, second: copySecondLanesAVX512, row: depthwiseRowAVX512, winograd: &winogradAVX512,
			square: [6]struct{ one, four squareFunc }{3: {depthwise3x3Rows1AVX512, depthwise3x3Rows4AVX512}, 5: {depthwise5x5Rows1AVX512, depthwise5x5Rows4AVX512}},
			asm: []tileFunc{1: gemmTileAVX512x1,
				2: gemmTileAVX512x2, 3: gemmTileAVX512x3, 4: gemmTileAVX512x4, 5: gemmTileAVX512x5, 6: gemmTileAVX512x6,
				7: gemmTileAVX512x7, 8: gemmTileAVX512x8, 9: gemmTileAVX512x9, 10: gemmTileAVX512x10,
				11: gemmTileAVX512x11, 12: gemmTileAVX512x12, 13: gemmTileAVX512x13, 14: gemmTileAVX512x14}})
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		list = append(list, &microKernel{name: "avx2", rows: 6, cols: 16, copy: copyLanesAVX2, second: copySecondLanesAVX2, row: depthwiseRowAVX2, winograd: &winogradAVX2,
			square: [6]struct{ one, four squareFunc }{3: {depthwise3x3Rows1AVX2, depthwise3x3Rows4AVX2}},
			asm: []tileFunc{1: gemmTileAVX2x1,
				2: gemmTileAVX2x2, 3: gemmTileAVX2x3, 4: gemmTileAVX2x4, 5: gemmTileAVX2x5, 6: gemmTileAVX2x6}})
	}
	return list
}
