package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rowStep is how many elements each turn of a row loop handles, in both instruction sets.
const rowStep = 16

// rows writes the element-wise loops over rows of pooling, normalisation, reduction and resizing. All handle n > 0
// elements, a multiple of rowStep. None fuses multiplication and addition, so that they round as portable Go does.
func rows() {
	for _, s := range isas {
		rowAdd(s)
		rowMax(s)
		rowDivide(s)
		rowBlend(s)
		rowAffine(s)
		rowStandardise(s)
		rowWiden(s)
		rowSum(s)
		rowSquares(s)
		rowArgMax(s)
		rowLerp(s)
	}
}

// rowLoop writes a loop over n elements; body gets the byte offset of the turn's first element in an index register.
func (s isa) rowLoop(n reg.Register, body func(i reg.Register)) {
	i := GP64()
	XORQ(i, i)
	Label("next")
	body(i)
	ADDQ(operand.Imm(rowStep), i)
	CMPQ(i, n)
	JNE(operand.LabelRef("next"))
	VZEROUPPER()
}

// single is the operand of the v-th vector of the turn in a row of float32, double in one of float64.
func (s isa) single(base, i reg.Register, v int) operand.Mem {
	return operand.Mem{Base: base, Index: i, Scale: 4, Disp: v * s.bytes()}
}

func (s isa) double(base, i reg.Register, v int) operand.Mem {
	return operand.Mem{Base: base, Index: i, Scale: 8, Disp: v * s.bytes()}
}

// singles and doubles are how many vectors of float32 and float64 a turn has.
func (s isa) singles() int { return rowStep / s.lanes }
func (s isa) doubles() int { return 2 * rowStep / s.lanes }

// widened loads the v-th vector of float64 of a turn out of a row of float32.
func (s isa) widened(base, i reg.Register, v int) reg.VecVirtual {
	x := s.vec()
	VCVTPS2PD(operand.Mem{Base: base, Index: i, Scale: 4, Disp: v * s.bytes() / 2}, x)
	return x
}

func (s isa) broadcast64(arg string) reg.VecVirtual {
	v := s.vec()
	VBROADCASTSD(argument(arg), v)
	return v
}

func argument(arg string) operand.Op {
	p, err := Param(arg).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}

func rowText(s isa, function, signature, doc string) {
	TEXT(name("row%s%s", function, s.name), NOSPLIT, signature)
	Pragma("noescape")
	Doc(name("row%s%s %s", function, s.name, doc))
}

func rowAdd(s isa) {
	rowText(s, "Add", "func(acc, row *float32, n int)", "adds row to acc.")
	acc, row := pointer("acc"), pointer("row")
	s.rowLoop(pointer("n"), func(i reg.Register) {
		for v := range s.singles() {
			x := s.vec()
			VMOVUPS(s.single(acc, i, v), x)
			VADDPS(s.single(row, i, v), x, x)
			VMOVUPS(x, s.single(acc, i, v))
		}
	})
	RET()
}

// rowMax takes the larger element; VMAXPS gives its second source if either is a NaN, which loses one in the first.
func rowMax(s isa) {
	rowText(s, "Max", "func(acc, row *float32, n int)", "leaves the larger elements in acc, and NaN where either is one.")
	acc, row := pointer("acc"), pointer("row")
	s.rowLoop(pointer("n"), func(i reg.Register) {
		for v := range s.singles() {
			x, m := s.vec(), s.vec()
			VMOVUPS(s.single(acc, i, v), x)
			VMAXPS(s.single(row, i, v), x, m)
			s.keepNaN(x, m)
			VMOVUPS(m, s.single(acc, i, v))
		}
	})
	RET()
}

// unordered is VCMPPS's predicate "either is a NaN".
const unordered = 3

// keepNaN replaces the elements of m by those of x that are NaN.
func (s isa) keepNaN(x, m reg.VecVirtual) {
	if s.lanes == 16 {
		k := K()
		VCMPPS(operand.Imm(unordered), x, x, k)
		VMOVAPS(x, k, m)
		return
	}
	mask := s.vec()
	VCMPPS(operand.Imm(unordered), x, x, mask)
	VBLENDVPS(mask, x, m, m)
}

func rowDivide(s isa) {
	rowText(s, "Divide", "func(row *float32, n int, by float32)", "divides a row by a number.")
	row, by := pointer("row"), s.broadcast("by")
	s.rowLoop(pointer("n"), func(i reg.Register) {
		for v := range s.singles() {
			x := s.vec()
			VMOVUPS(s.single(row, i, v), x)
			VDIVPS(by, x, x)
			VMOVUPS(x, s.single(row, i, v))
		}
	})
	RET()
}

func rowBlend(s isa) {
	rowText(s, "Blend", "func(dst, a, b *float32, n int, wa, wb float32)", "writes a·wa + b·wb.")
	dst, a, b := pointer("dst"), pointer("a"), pointer("b")
	wa, wb := s.broadcast("wa"), s.broadcast("wb")
	s.rowLoop(pointer("n"), func(i reg.Register) {
		for v := range s.singles() {
			x, y := s.vec(), s.vec()
			VMULPS(s.single(a, i, v), wa, x)
			VMULPS(s.single(b, i, v), wb, y)
			VADDPS(y, x, x)
			VMOVUPS(x, s.single(dst, i, v))
		}
	})
	RET()
}

func rowAffine(s isa) {
	rowText(s, "Affine", "func(dst, src *float32, n int, mean, factor, bias float32)", "writes (src − mean)·factor + bias.")
	dst, src := pointer("dst"), pointer("src")
	mean, factor, bias := s.broadcast("mean"), s.broadcast("factor"), s.broadcast("bias")
	s.rowLoop(pointer("n"), func(i reg.Register) {
		for v := range s.singles() {
			x := s.vec()
			VMOVUPS(s.single(src, i, v), x)
			VSUBPS(mean, x, x)
			VMULPS(factor, x, x)
			VADDPS(bias, x, x)
			VMOVUPS(x, s.single(dst, i, v))
		}
	})
	RET()
}

func rowStandardise(s isa) {
	rowText(s, "Standardise", "func(dst, src *float32, n int, mean, factor, bias float64)", "writes (src − mean)·factor + bias, computed in float64.")
	dst, src := pointer("dst"), pointer("src")
	mean, factor, bias := s.broadcast64("mean"), s.broadcast64("factor"), s.broadcast64("bias")
	s.rowLoop(pointer("n"), func(i reg.Register) {
		for v := range s.doubles() {
			x := s.widened(src, i, v)
			VSUBPD(mean, x, x)
			VMULPD(factor, x, x)
			VADDPD(bias, x, x)
			to := operand.Mem{Base: dst, Index: i, Scale: 4, Disp: v * s.bytes() / 2}
			if s.lanes == 16 {
				y := YMM()
				VCVTPD2PS(x, y)
				VMOVUPS(y, to)
			} else {
				y := XMM()
				VCVTPD2PSY(x, y)
				VMOVUPS(y, to)
			}
		}
	})
	RET()
}

func rowWiden(s isa) {
	rowText(s, "Widen", "func(acc *float64, row *float32, n int)", "adds row to acc in float64.")
	acc, row := pointer("acc"), pointer("row")
	s.rowLoop(pointer("n"), func(i reg.Register) {
		for v := range s.doubles() {
			x := s.widened(row, i, v)
			VADDPD(s.double(acc, i, v), x, x)
			VMOVUPD(x, s.double(acc, i, v))
		}
	})
	RET()
}

// rowFold keeps rowStep sums in registers, lane by lane those of acc.
func rowFold(s isa, src, n, acc reg.Register, step func(x reg.VecVirtual)) {
	sums := s.vecs(s.doubles())
	for v, sum := range sums {
		VMOVUPD(at(acc, v*s.bytes()), sum)
	}
	i := GP64()
	XORQ(i, i)
	Label("next")
	for v, sum := range sums {
		x := s.widened(src, i, v)
		step(x)
		VADDPD(x, sum, sum)
	}
	ADDQ(operand.Imm(rowStep), i)
	CMPQ(i, n)
	JNE(operand.LabelRef("next"))
	for v, sum := range sums {
		VMOVUPD(sum, at(acc, v*s.bytes()))
	}
	VZEROUPPER()
	RET()
}

func rowSum(s isa) {
	rowText(s, "Sum", "func(acc *float64, row *float32, n int)", name("adds element i of row to acc[i mod %d].", rowStep))
	acc, row, n := pointer("acc"), pointer("row"), pointer("n")
	rowFold(s, row, n, acc, func(reg.VecVirtual) {})
}

func rowSquares(s isa) {
	rowText(s, "Squares", "func(acc *float64, row *float32, n int, mean float64)", name("adds (row[i] − mean)² to acc[i mod %d].", rowStep))
	acc, row, n := pointer("acc"), pointer("row"), pointer("n")
	mean := s.broadcast64("mean")
	rowFold(s, row, n, acc, func(x reg.VecVirtual) {
		VSUBPD(mean, x, x)
		VMULPD(x, x, x)
	})
}

// VCMPPS's predicates "not less or equal, or a NaN" and "neither is a NaN".
const (
	notLessEqual = 6
	ordered      = 7
)

// rowArgMax writes k to at, and the element to best, where it is larger than best, or the first NaN.
func rowArgMax(s isa) {
	rowText(s, "ArgMax", "func(at *int64, best, row *float32, n int, k int64)", "is argMaxRow.")
	index, best, row := pointer("at"), pointer("best"), pointer("row")
	k := s.vec()
	if s.lanes == 16 {
		VPBROADCASTQ(argument("k"), k)
	} else {
		VBROADCASTSD(argument("k"), k)
	}
	s.rowLoop(pointer("n"), func(i reg.Register) {
		for v := range s.singles() {
			b, x := s.vec(), s.vec()
			VMOVUPS(s.single(best, i, v), b)
			VMOVUPS(s.single(row, i, v), x)
			if s.lanes == 16 {
				m, number := K(), K()
				VCMPPS(operand.Imm(notLessEqual), b, x, m)
				VCMPPS(operand.Imm(ordered), b, b, number)
				KANDW(m, number, m)
				VMOVUPS(x, m, s.single(best, i, v))
				VMOVDQU64(k, m, s.double(index, i, 2*v))
				KSHIFTRW(operand.Imm(8), m, m)
				VMOVDQU64(k, m, s.double(index, i, 2*v+1))
				continue
			}
			m, number := s.vec(), s.vec()
			VCMPPS(operand.Imm(notLessEqual), b, x, m)
			VCMPPS(operand.Imm(ordered), b, b, number)
			VPAND(m, number, m)
			VBLENDVPS(m, x, b, b)
			VMOVUPS(b, s.single(best, i, v))
			low, high := s.vec(), s.vec()
			half := XMM()
			VPMOVSXDQ(m.AsX(), low)
			VEXTRACTI128(operand.Imm(1), m, half)
			VPMOVSXDQ(half, high)
			VPMASKMOVQ(k, low, s.double(index, i, 2*v))
			VPMASKMOVQ(k, high, s.double(index, i, 2*v+1))
		}
	})
	RET()
}

// rowLerp does one vector of outputs at a time: all their left neighbours lie in one vector of the source, all their
// right ones in the vector one element further.
func rowLerp(s isa) {
	TEXT(name("rowLerp%s", s.name), NOSPLIT, "func(dst, src *float32, n int, base, rel *int32, a, b *float32)")
	Pragma("noescape")
	Doc(name("rowLerp%s writes src[j]·a[i] + src[j+1]·b[i] with j = base[i div %d] + rel[i], rel below %d,", s.name, s.lanes, s.lanes),
		name("for n > 0 elements, a multiple of %d.", s.lanes))
	dst, src, n := pointer("dst"), pointer("src"), pointer("n")
	base, rel, a, b := pointer("base"), pointer("rel"), pointer("a"), pointer("b")
	i, j := GP64(), GP64()
	XORQ(i, i)
	Label("next")
	MOVLQSX(at(base, 0), j)
	index, x, y := s.vec(), s.vec(), s.vec()
	VMOVUPS(s.single(rel, i, 0), index)
	VPERMPS(operand.Mem{Base: src, Index: j, Scale: 4}, index, x)
	VPERMPS(operand.Mem{Base: src, Index: j, Scale: 4, Disp: 4}, index, y)
	VMULPS(s.single(a, i, 0), x, x)
	VMULPS(s.single(b, i, 0), y, y)
	VADDPS(y, x, x)
	VMOVUPS(x, s.single(dst, i, 0))
	ADDQ(operand.Imm(4), base)
	ADDQ(operand.Imm(uint64(s.lanes)), i)
	CMPQ(i, n)
	JNE(operand.LabelRef("next"))
	VZEROUPPER()
	RET()
}
