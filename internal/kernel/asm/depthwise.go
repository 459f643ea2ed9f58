package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// depthwise writes the row loops of convolutions with one input channel a group.
func depthwise() {
	for _, s := range isas {
		depthwiseRow(s)
	}
}

// depthwiseRow sums shifted rows into strips of four vectors. What is left at the end of the row is done by the
// narrowest of the strips of one, two or four vectors that covers it, under a mask.
func depthwiseRow(s isa) {
	const width = 4
	TEXT(name("depthwiseRow%s", s.name), NOSPLIT,
		"func(dst, src *float32, n int, offsets *int, weights *float32, taps int, bias, lo, hi float32)")
	Pragma("noescape")
	Doc(name("depthwiseRow%s is depthwiseRowGo for n ≥ 1 pixels and taps ≥ 1.", s.name))
	r := rowRegisters{dst: pointer("dst"), src: pointer("src"), n: pointer("n"), offsets: pointer("offsets"),
		weights: pointer("weights"), taps: pointer("taps"), bias: s.broadcast("bias"), lo: s.broadcast("lo"), hi: s.broadcast("hi")}

	Label("strip")
	CMPQ(r.n, operand.Imm(uint64(width*s.lanes)))
	JL(operand.LabelRef("rest"))
	s.strip(r, "strip", width, nil)
	ADDQ(operand.U32(width*s.bytes()), r.src)
	ADDQ(operand.U32(width*s.bytes()), r.dst)
	SUBQ(operand.Imm(uint64(width*s.lanes)), r.n)
	JMP(operand.LabelRef("strip"))

	Label("rest")
	TESTQ(r.n, r.n)
	JZ(operand.LabelRef("done"))
	for w := 1; w <= width; w *= 2 {
		label := name("rest%d", w)
		Label(label)
		if w < width {
			CMPQ(r.n, operand.Imm(uint64(w*s.lanes)))
			JG(operand.LabelRef(name("rest%d", 2*w)))
		}
		n := GP64()
		MOVQ(r.n, n)
		s.strip(r, label, w, s.masks(n, w))
		JMP(operand.LabelRef("done"))
	}
	Label("done")
	VZEROUPPER()
	RET()
}

type rowRegisters struct {
	dst, src, n, offsets, weights, taps reg.Register
	bias, lo, hi                        reg.VecVirtual
}

// strip computes width vectors of the row, under masks if there are any.
func (s isa) strip(r rowRegisters, label string, width int, masks []reg.Register) {
	acc := s.vecs(width)
	for _, v := range acc {
		s.zero(v)
	}
	t, w := GP64(), s.vec()
	XORQ(t, t)
	Label(label + "_taps")
	p := GP64()
	MOVQ(operand.Mem{Base: r.offsets, Index: t, Scale: 8}, p)
	LEAQ(operand.Mem{Base: r.src, Index: p, Scale: 4}, p)
	VBROADCASTSS(operand.Mem{Base: r.weights, Index: t, Scale: 4}, w)
	for i, v := range acc {
		if masks == nil {
			VFMADD231PS(at(p, i*s.bytes()), w, v)
			continue
		}
		x := s.vec()
		s.loadMasked(at(p, i*s.bytes()), masks[i], x)
		VFMADD231PS(x, w, v)
	}
	INCQ(t)
	CMPQ(t, r.taps)
	JNE(operand.LabelRef(label + "_taps"))
	for i, v := range acc {
		VADDPS(r.bias, v, v)
		VMAXPS(v, r.lo, v)
		VMINPS(v, r.hi, v)
		if masks == nil {
			VMOVUPS(v, at(r.dst, i*s.bytes()))
		} else {
			s.storeMasked(v, masks[i], at(r.dst, i*s.bytes()))
		}
	}
}
