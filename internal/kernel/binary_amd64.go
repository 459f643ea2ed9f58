//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

func asmVectors() []*vectorAsm {
	var list []*vectorAsm
	if cpu.X86.HasAVX512F {
		v := &vectorAsm{relu: vectorReluAVX512, clip: vectorClipAVX512}
		v.pair = [...]func(dst, x, y *float32, n int){OpAdd: vectorAddAVX512, OpSub: vectorSubAVX512, OpMul: vectorMulAVX512,
			OpDiv: vectorDivAVX512, OpMin: vectorMinAVX512, OpMax: vectorMaxAVX512}
		list = append(list, v)
	}
	if cpu.X86.HasAVX2 {
		v := &vectorAsm{relu: vectorReluAVX2, clip: vectorClipAVX2}
		v.pair = [...]func(dst, x, y *float32, n int){OpAdd: vectorAddAVX2, OpSub: vectorSubAVX2, OpMul: vectorMulAVX2,
			OpDiv: vectorDivAVX2, OpMin: vectorMinAVX2, OpMax: vectorMaxAVX2}
		list = append(list, v)
	}
	return list
}
