package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vector writes the loops over the elements of one or two tensors. All handle n > 0 elements, a multiple of rowStep.
func vector() {
	for _, s := range isas {
		vectorPair(s, "Add", "x + y", func(x, y operand.Op, z reg.VecVirtual) { VADDPS(y, x, z) })
		vectorPair(s, "Sub", "x − y", func(x, y operand.Op, z reg.VecVirtual) { VSUBPS(y, x, z) })
		vectorPair(s, "Mul", "x · y", func(x, y operand.Op, z reg.VecVirtual) { VMULPS(y, x, z) })
		vectorPair(s, "Div", "x / y", func(x, y operand.Op, z reg.VecVirtual) { VDIVPS(y, x, z) })
		vectorPair(s, "Min", "min(x, y)", func(x, y operand.Op, z reg.VecVirtual) { s.extreme(x, y, z, false) })
		vectorPair(s, "Max", "max(x, y)", func(x, y operand.Op, z reg.VecVirtual) { s.extreme(x, y, z, true) })
		vectorRelu(s)
		vectorClip(s)
	}
}

func vectorText(s isa, function, signature, doc string) {
	TEXT(name("vector%s%s", function, s.name), NOSPLIT, signature)
	Pragma("noescape")
	Doc(name("vector%s%s writes %s.", function, s.name, doc))
}

func vectorPair(s isa, function, doc string, op func(x, y operand.Op, z reg.VecVirtual)) {
	vectorText(s, function, "func(dst, x, y *float32, n int)", doc)
	dst, x, y := pointer("dst"), pointer("x"), pointer("y")
	s.rowLoop(pointer("n"), func(i reg.Register) {
		for v := range s.singles() {
			a, b, z := s.vec(), s.vec(), s.vec()
			VMOVUPS(s.single(x, i, v), a)
			VMOVUPS(s.single(y, i, v), b)
			op(a, b, z)
			VMOVUPS(z, s.single(dst, i, v))
		}
	})
	RET()
}

// extreme takes the smaller or larger element. VMINPS and VMAXPS give their second source if both are zeros or either is
// a NaN. So both orders are taken and joined: the two results differ only for zeros, where setting the sign bit if
// either has it makes −0 the smaller, and for a NaN, where the sum is taken instead.
func (s isa) extreme(x, y operand.Op, z reg.VecVirtual, largest bool) {
	other, sum := s.vec(), s.vec()
	VADDPS(y, x, sum)
	switch {
	case largest:
		VMAXPS(y, x, z)
		VMAXPS(x, y, other)
	default:
		VMINPS(y, x, z)
		VMINPS(x, y, other)
	}
	switch {
	case largest && s.lanes == 16:
		VPANDD(other, z, z)
	case largest:
		VANDPS(other, z, z)
	case s.lanes == 16:
		VPORD(other, z, z)
	default:
		VORPS(other, z, z)
	}
	s.ifUnordered(x, y, sum, z)
}

// ifUnordered replaces the elements of z by those of other where x or y is a NaN.
func (s isa) ifUnordered(x, y operand.Op, other, z reg.VecVirtual) {
	if s.lanes == 16 {
		k := K()
		VCMPPS(operand.Imm(unordered), x, y, k)
		VMOVAPS(other, k, z)
		return
	}
	mask := s.vec()
	VCMPPS(operand.Imm(unordered), x, y, mask)
	VBLENDVPS(mask, other, z, z)
}

// vectorRelu relies on VMAXPS giving its second source if either is a NaN; adding 0 turns −0 into 0.
func vectorRelu(s isa) {
	vectorText(s, "Relu", "func(dst, src *float32, n int)", "max(src, 0), and NaN where src is one")
	dst, src := pointer("dst"), pointer("src")
	zero := s.vec()
	s.zero(zero)
	s.rowLoop(pointer("n"), func(i reg.Register) {
		for v := range s.singles() {
			x := s.vec()
			VMAXPS(s.single(src, i, v), zero, x)
			VADDPS(zero, x, x)
			VMOVUPS(x, s.single(dst, i, v))
		}
	})
	RET()
}

func vectorClip(s isa) {
	vectorText(s, "Clip", "func(dst, src *float32, n int, lo, hi float32)", "min(max(src, lo), hi), and NaN where src is one")
	dst, src := pointer("dst"), pointer("src")
	lo, hi := s.broadcast("lo"), s.broadcast("hi")
	s.rowLoop(pointer("n"), func(i reg.Register) {
		for v := range s.singles() {
			x := s.vec()
			VMAXPS(s.single(src, i, v), lo, x)
			VMINPS(x, hi, x)
			VMOVUPS(x, s.single(dst, i, v))
		}
	})
	RET()
}
