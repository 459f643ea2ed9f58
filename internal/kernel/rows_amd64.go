//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

func asmRows() []*rowAsm {
	var list []*rowAsm
	if cpu.X86.HasAVX512F {
		list = append(list, &rowAsm{add: rowAddAVX512, max: rowMaxAVX512, divide: rowDivideAVX512, blend: rowBlendAVX512,
			affine: rowAffineAVX512, standardise: rowStandardiseAVX512, widen: rowWidenAVX512, sum: rowSumAVX512,
			squares: rowSquaresAVX512, argMax: rowArgMaxAVX512, lerp: rowLerpAVX512, lanes: 16})
	}
	if cpu.X86.HasAVX2 {
		list = append(list, &rowAsm{add: rowAddAVX2, max: rowMaxAVX2, divide: rowDivideAVX2, blend: rowBlendAVX2,
			affine: rowAffineAVX2, standardise: rowStandardiseAVX2, widen: rowWidenAVX2, sum: rowSumAVX2,
			squares: rowSquaresAVX2, argMax: rowArgMaxAVX2, lerp: rowLerpAVX2, lanes: 8})
	}
	return list
}
