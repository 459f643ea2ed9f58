//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

// asmByteKernels lists the kernels in assembly that this processor can run, the fastest first.
func asmByteKernels() []*byteKernel {
	var list []*byteKernel
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512VNNI && cpu.X86.HasBMI2 {
		list = append(list, &byteKernel{name: "vnni", rows: 14, cols: 32,
			tile: []byteTileFunc{1: byteTileVNNIx1,
				2: byteTileVNNIx2, 3: byteTileVNNIx3, 4: byteTileVNNIx4, 5: byteTileVNNIx5, 6: byteTileVNNIx6, 7: byteTileVNNIx7, 8: byteTileVNNIx8,
				9: byteTileVNNIx9, 10: byteTileVNNIx10, 11: byteTileVNNIx11, 12: byteTileVNNIx12, 13: byteTileVNNIx13, 14: byteTileVNNIx14},
			pack:  [3]func(dst, src *uint8, n, groups, plane1, plane2, plane3, groupPlane, ld int){1: packBytesAVX512, 2: packSecondBytesAVX512},
			widen: widenBytesAVX512, narrow: narrowSumsAVX512, quantize: quantizeRowAVX512, add: addBytesAVX512})
	}
	if cpu.X86.HasAVX2 {
		list = append(list, &byteKernel{name: "avx2", rows: 4, cols: 8,
			tile: []byteTileFunc{1: byteTileAVX2x1, 2: byteTileAVX2x2, 3: byteTileAVX2x3, 4: byteTileAVX2x4}})
	}
	return list
}
