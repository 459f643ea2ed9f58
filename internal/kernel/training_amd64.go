//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

func asmTraining() []*trainAsm {
	var list []*trainAsm
	if cpu.X86.HasAVX512F && cpu.X86.HasBMI2 {
		list = append(list, &trainAsm{name: "avx512",
			axpy: mathAxpyAVX512, scale: mathScaleAVX512, normalise: mathNormaliseAVX512, normaliseRelu: mathNormaliseReluAVX512,
			linear: mathLinearAVX512, relu: mathReluAVX512, add: mathAddAVX512, mul: mathMulAVX512, reluGrad: mathReluGradAVX512,
			dot: mathDotAVX512, sumDot: mathSumDotAVX512, planeCopy: mathPlaneCopyAVX512, planeAdd: mathPlaneAddAVX512,
			dots: []func(out *float64, dy, src *float32, n int, offsets *int){1: shiftDotsAVX512x1, 2: shiftDotsAVX512x2,
				3: shiftDotsAVX512x3, 5: shiftDotsAVX512x5, 9: shiftDotsAVX512x9, 25: shiftDotsAVX512x25},
			shiftMax: shiftMaxAVX512, shiftPick: shiftPickAVX512, transpose: packTransposedAVX512, lanes: 16})
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		list = append(list, &trainAsm{name: "avx2",
			axpy: mathAxpyAVX2, scale: mathScaleAVX2, normalise: mathNormaliseAVX2, normaliseRelu: mathNormaliseReluAVX2,
			linear: mathLinearAVX2, relu: mathReluAVX2, add: mathAddAVX2, mul: mathMulAVX2, reluGrad: mathReluGradAVX2,
			dot: mathDotAVX2, sumDot: mathSumDotAVX2, planeCopy: mathPlaneCopyAVX2, planeAdd: mathPlaneAddAVX2,
			dots: []func(out *float64, dy, src *float32, n int, offsets *int){1: shiftDotsAVX2x1, 2: shiftDotsAVX2x2,
				3: shiftDotsAVX2x3, 5: shiftDotsAVX2x5, 9: shiftDotsAVX2x9, 13: shiftDotsAVX2x13},
			shiftMax: shiftMaxAVX2, shiftPick: shiftPickAVX2, transpose: packTransposedAVX2, lanes: 8})
	}
	return list
}
