package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rowmath writes the element-wise loops of training, over rows of any length, and the sums of products. As the loops of
// rows, none fuses multiplication and addition.
func rowmath() {
	for _, s := range isas {
		mathAxpy(s)
		mathScale(s)
		mathNormalise(s, false)
		mathNormalise(s, true)
		mathLinear(s)
		mathRelu(s)
		mathReluGrad(s)
		mathPair(s, "Add", "dst += x", func(x operand.Op, y, z reg.VecVirtual) { VADDPS(x, y, z) })
		mathPair(s, "Mul", "dst = dst · x", func(x operand.Op, y, z reg.VecVirtual) { VMULPS(x, y, z) })
		mathDot(s, false)
		mathDot(s, true)
		mathPlane(s, "Copy", false)
		mathPlane(s, "Add", true)
	}
}

func mathText(s isa, function, signature, doc string) {
	TEXT(name("math%s%s", function, s.name), NOSPLIT, signature)
	Pragma("noescape")
	Doc(name("math%s%s %s", function, s.name, doc))
}

// turn is one pass through the body of a loop over rows: some vectors from element i on, or one under a mask.
type turn struct {
	s    isa
	i    reg.Register
	mask reg.Register
}

func (t turn) load(base reg.Register, v int) reg.VecVirtual {
	x := t.s.vec()
	if t.mask != nil {
		t.s.loadMasked(t.s.single(base, t.i, v), t.mask, x)
	} else {
		VMOVUPS(t.s.single(base, t.i, v), x)
	}
	return x
}

func (t turn) store(x reg.VecVirtual, base reg.Register, v int) {
	if t.mask != nil {
		t.s.storeMasked(x, t.mask, t.s.single(base, t.i, v))
	} else {
		VMOVUPS(x, t.s.single(base, t.i, v))
	}
}

// turnVectors is how many vectors a turn of eachTurn has while there are enough.
const turnVectors = 4

// eachTurn writes a loop over n ≥ 1 elements: body gets the turn and the number of a vector in it. It ends without
// returning.
func (s isa) eachTurn(n reg.Register, body func(t turn, v int)) {
	i, rest := GP64(), GP64()
	XORQ(i, i)
	MOVQ(n, rest)
	whole := turnVectors * s.lanes
	Label("many")
	CMPQ(rest, operand.Imm(uint64(whole)))
	JL(operand.LabelRef("one"))
	for v := range turnVectors {
		body(turn{s: s, i: i}, v)
	}
	ADDQ(operand.Imm(uint64(whole)), i)
	SUBQ(operand.Imm(uint64(whole)), rest)
	JMP(operand.LabelRef("many"))
	Label("one")
	CMPQ(rest, operand.Imm(uint64(s.lanes)))
	JL(operand.LabelRef("part"))
	body(turn{s: s, i: i}, 0)
	ADDQ(operand.Imm(uint64(s.lanes)), i)
	SUBQ(operand.Imm(uint64(s.lanes)), rest)
	JMP(operand.LabelRef("one"))
	Label("part")
	TESTQ(rest, rest)
	JZ(operand.LabelRef("done"))
	body(turn{s: s, i: i, mask: s.masks(rest, 1)[0]}, 0)
	Label("done")
	VZEROUPPER()
}

func mathAxpy(s isa) {
	mathText(s, "Axpy", "func(dst, x *float32, n int, a float32)", "computes dst += a·x.")
	dst, x, n := pointer("dst"), pointer("x"), pointer("n")
	a := s.broadcast("a")
	s.eachTurn(n, func(t turn, v int) {
		y, z := t.load(x, v), t.load(dst, v)
		VMULPS(a, y, y)
		VADDPS(y, z, z)
		t.store(z, dst, v)
	})
	RET()
}

func mathScale(s isa) {
	mathText(s, "Scale", "func(dst, x *float32, n int, a float32)", "computes dst = a·x.")
	dst, x, n := pointer("dst"), pointer("x"), pointer("n")
	a := s.broadcast("a")
	s.eachTurn(n, func(t turn, v int) {
		y := t.load(x, v)
		VMULPS(a, y, y)
		t.store(y, dst, v)
	})
	RET()
}

// mathNormalise relies on VMAXPS giving its second source, in Intel's order the value, if either is a NaN.
func mathNormalise(s isa, relu bool) {
	if relu {
		mathText(s, "NormaliseRelu", "func(dst, x *float32, n int, mean, factor float32)", "computes dst = max(0, (x − mean)·factor).")
	} else {
		mathText(s, "Normalise", "func(dst, x *float32, n int, mean, factor float32)", "computes dst = (x − mean)·factor.")
	}
	dst, x, n := pointer("dst"), pointer("x"), pointer("n")
	mean, factor := s.broadcast("mean"), s.broadcast("factor")
	zero := s.vec()
	if relu {
		s.zero(zero)
	}
	s.eachTurn(n, func(t turn, v int) {
		y := t.load(x, v)
		VSUBPS(mean, y, y)
		VMULPS(factor, y, y)
		if relu {
			VMAXPS(y, zero, y)
			VADDPS(zero, y, y) // −0 becomes 0
		}
		t.store(y, dst, v)
	})
	RET()
}

func mathLinear(s isa) {
	mathText(s, "Linear", "func(dst, x, y *float32, n int, a, b, c float32)", "computes dst = a·x + b·y + c.")
	dst, x, y, n := pointer("dst"), pointer("x"), pointer("y"), pointer("n")
	a, b, c := s.broadcast("a"), s.broadcast("b"), s.broadcast("c")
	s.eachTurn(n, func(t turn, v int) {
		p, q := t.load(x, v), t.load(y, v)
		VMULPS(a, p, p)
		VMULPS(b, q, q)
		VADDPS(q, p, p)
		VADDPS(c, p, p)
		t.store(p, dst, v)
	})
	RET()
}

func mathRelu(s isa) {
	mathText(s, "Relu", "func(dst, x *float32, n int)", "computes dst = max(0, x), NaN where x is one.")
	dst, x, n := pointer("dst"), pointer("x"), pointer("n")
	zero := s.vec()
	s.zero(zero)
	s.eachTurn(n, func(t turn, v int) {
		y := t.load(x, v)
		VMAXPS(y, zero, y)
		VADDPS(zero, y, y)
		t.store(y, dst, v)
	})
	RET()
}

// greater is VCMPPS's predicate "greater, and neither is a NaN".
const greater = 30

func mathReluGrad(s isa) {
	mathText(s, "ReluGrad", "func(dst, dy, x *float32, n int)", "computes dst = dy where x > 0, and 0 elsewhere.")
	dst, dy, x, n := pointer("dst"), pointer("dy"), pointer("x"), pointer("n")
	zero := s.vec()
	s.zero(zero)
	s.eachTurn(n, func(t turn, v int) {
		y, g := t.load(x, v), t.load(dy, v)
		if s.lanes == 16 {
			k := K()
			VCMPPS(operand.Imm(greater), zero, y, k)
			VMOVAPS_Z(g, k, g)
		} else {
			VCMPPS(operand.Imm(greater), zero, y, y)
			VANDPS(y, g, g)
		}
		t.store(g, dst, v)
	})
	RET()
}

func mathPair(s isa, function, doc string, op func(x operand.Op, y, z reg.VecVirtual)) {
	mathText(s, function, "func(dst, x *float32, n int)", "computes "+doc+".")
	dst, x, n := pointer("dst"), pointer("x"), pointer("n")
	s.eachTurn(n, func(t turn, v int) {
		y, z := t.load(x, v), t.load(dst, v)
		op(y, z, z)
		t.store(z, dst, v)
	})
	RET()
}

// mathDot keeps rowStep sums in float64, of which a product of two float32 is exact: fused or not, the result is the same.
func mathDot(s isa, sum bool) {
	if sum {
		mathText(s, "SumDot", "func(sum, dot *float64, x, y *float32, n int)",
			name("adds x[i] to sum[i mod %d] and x[i]·y[i] to dot[i mod %d], for n > 0 elements, a multiple of %d.", rowStep, rowStep, rowStep))
	} else {
		mathText(s, "Dot", "func(dot *float64, x, y *float32, n int)",
			name("adds x[i]·y[i] to dot[i mod %d], for n > 0 elements, a multiple of %d.", rowStep, rowStep))
	}
	dot, x, y, n := pointer("dot"), pointer("x"), pointer("y"), pointer("n")
	dots, sums := s.vecs(s.doubles()), s.vecs(s.doubles())
	for v := range dots {
		VMOVUPD(at(dot, v*s.bytes()), dots[v])
	}
	if sum {
		p := pointer("sum")
		for v := range sums {
			VMOVUPD(at(p, v*s.bytes()), sums[v])
		}
	}
	i := GP64()
	XORQ(i, i)
	Label("next")
	for v := range dots {
		a, b := s.widened(x, i, v), s.widened(y, i, v)
		VFMADD231PD(b, a, dots[v])
		if sum {
			VADDPD(a, sums[v], sums[v])
		}
	}
	ADDQ(operand.Imm(rowStep), i)
	CMPQ(i, n)
	JNE(operand.LabelRef("next"))
	for v := range dots {
		VMOVUPD(dots[v], at(dot, v*s.bytes()))
	}
	if sum {
		p := pointer("sum")
		for v := range sums {
			VMOVUPD(sums[v], at(p, v*s.bytes()))
		}
	}
	VZEROUPPER()
	RET()
}

// mathPlane copies or adds a rectangle, whose rows are short. To copy, the mask for their ends is made once. To add,
// ends are cut into pieces: where rows follow one another closely, the next row would have to wait for a store under a
// mask before it could load what lies behind the mask.
func mathPlane(s isa, function string, add bool) {
	mathText(s, "Plane"+function, "func(dst, src *float32, rows, cols, ldd, lds int)",
		name("does dst %s src for rows ≥ 1 rows of cols ≥ 1 elements, which lie ldd and lds elements apart.", map[bool]string{true: "+=", false: "="}[add]))
	dst, src, rows, cols := pointer("dst"), pointer("src"), pointer("rows"), pointer("cols")
	ldd, lds := pointer("ldd"), pointer("lds")
	SHLQ(operand.Imm(2), ldd)
	SHLQ(operand.Imm(2), lds)
	whole, rest, i := GP64(), GP64(), GP64()
	MOVQ(cols, whole)
	ANDQ(operand.I32(int32(-s.lanes)), whole)
	MOVQ(cols, rest)
	SUBQ(whole, rest)
	var mask reg.Register
	if !add {
		left := GP64()
		MOVQ(rest, left)
		mask = s.masks(left, 1)[0]
	}
	Label("row")
	XORQ(i, i)
	TESTQ(whole, whole)
	JZ(operand.LabelRef("part"))
	Label("next")
	t := turn{s: s, i: i}
	x := t.load(src, 0)
	if add {
		VADDPS(t.s.single(dst, i, 0), x, x)
	}
	t.store(x, dst, 0)
	ADDQ(operand.Imm(uint64(s.lanes)), i)
	CMPQ(i, whole)
	JNE(operand.LabelRef("next"))
	Label("part")
	if add {
		s.addPieces(dst, src, rest, i)
	} else {
		TESTQ(rest, rest)
		JZ(operand.LabelRef("end"))
		t := turn{s: s, i: i, mask: mask}
		t.store(t.load(src, 0), dst, 0)
		Label("end")
	}
	ADDQ(ldd, dst)
	ADDQ(lds, src)
	DECQ(rows)
	JNZ(operand.LabelRef("row"))
	VZEROUPPER()
	RET()
}

// addPieces adds rest elements, less than a vector, from element i on, which it moves.
func (s isa) addPieces(dst, src, rest, i reg.Register) {
	for piece := s.lanes / 2; piece > 0; piece /= 2 {
		label := name("short%d", piece)
		TESTQ(operand.U32(uint32(piece)), rest)
		JZ(operand.LabelRef(label))
		from, to := s.single(src, i, 0), s.single(dst, i, 0)
		x := XMM()
		switch piece {
		case 8:
			y := YMM()
			VMOVUPS(from, y)
			VADDPS(to, y, y)
			VMOVUPS(y, to)
		case 4:
			VMOVUPS(from, x)
			VADDPS(to, x, x)
			VMOVUPS(x, to)
		case 2:
			z := XMM()
			VMOVSD(from, x)
			VMOVSD(to, z)
			VADDPS(z, x, x)
			VMOVSD(x, to)
		case 1:
			VMOVSS(from, x)
			VADDSS(to, x, x)
			VMOVSS(x, to)
		}
		ADDQ(operand.Imm(uint64(piece)), i)
		Label(label)
	}
}
