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
		for _, k := range []int{3, 5} {
			if k*k+rowsAtOnce+1 > 2*s.lanes {
				continue // the register file has as many vectors as two of them have lanes
			}
			depthwiseRows(s, k, 1)
			depthwiseRows(s, k, rowsAtOnce)
		}
	}
}

// rowsAtOnce is how many rows of the output share each load of the input.
const rowsAtOnce = 4

// depthwiseRows computes rows of a k×k convolution, a vector of each at a time: an input vector is loaded once for all
// the outputs that it belongs to.
func depthwiseRows(s isa, k, rows int) {
	symbol := name("depthwise%dx%dRows%d%s", k, k, rows, s.name)
	TEXT(symbol, NOSPLIT, "func(dst, src *float32, n, dstLd, srcLd int, weights *float32, bias, lo, hi float32)")
	Pragma("noescape")
	Doc(name("%s computes %d rows of n ≥ 1 pixels, dstLd apart, from rows srcLd apart. It reads whole vectors.", symbol, rows))
	dst, src, n, dld, sld := pointer("dst"), pointer("src"), pointer("n"), pointer("dstLd"), pointer("srcLd")
	weights := pointer("weights")
	SHLQ(operand.Imm(2), dld)
	SHLQ(operand.Imm(2), sld)
	w := s.vecs(k * k)
	for t := range w {
		VBROADCASTSS(at(weights, 4*t), w[t])
	}
	// Rows are reached from every third one.
	triples := func(base, ld reg.Register, rows int) []reg.Register {
		list := []reg.Register{base}
		for len(list)*3 < rows {
			p := GP64()
			LEAQ(operand.Mem{Base: list[len(list)-1], Index: ld, Scale: 2}, p)
			ADDQ(ld, p)
			list = append(list, p)
		}
		return list
	}
	row := func(list []reg.Register, ld reg.Register, i, disp int) operand.Mem {
		m := operand.Mem{Base: list[i/3], Disp: disp}
		if i%3 > 0 {
			m.Index, m.Scale = ld, uint8(i%3)
		}
		return m
	}
	from, to := triples(src, sld, rows+k-1), triples(dst, dld, rows)
	acc, x := s.vecs(rows), s.vec()
	compute := func() {
		for _, v := range acc {
			s.zero(v)
		}
		for i := range rows + k - 1 {
			for j := range k {
				VMOVUPS(row(from, sld, i, 4*j), x)
				for r := range rows {
					if t := i - r; t >= 0 && t < k {
						VFMADD231PS(x, w[t*k+j], acc[r])
					}
				}
			}
		}
		for _, arg := range []string{"bias", "lo", "hi"} {
			p, err := Param(arg).Resolve()
			if err != nil {
				panic(err)
			}
			VBROADCASTSS(p.Addr, x)
			for _, v := range acc {
				switch arg {
				case "bias":
					VADDPS(x, v, v)
				case "lo":
					VMAXPS(v, x, v)
				default:
					VMINPS(v, x, v)
				}
			}
		}
	}

	Label("whole")
	CMPQ(n, operand.Imm(uint64(s.lanes)))
	JL(operand.LabelRef("part"))
	compute()
	for r, v := range acc {
		VMOVUPS(v, row(to, dld, r, 0))
	}
	for _, p := range append(from, to...) {
		ADDQ(operand.Imm(uint64(s.bytes())), p)
	}
	SUBQ(operand.Imm(uint64(s.lanes)), n)
	JMP(operand.LabelRef("whole"))

	Label("part")
	TESTQ(n, n)
	JZ(operand.LabelRef("done"))
	compute()
	mask := s.masks(n, 1)[0]
	for r, v := range acc {
		s.storeMasked(v, mask, row(to, dld, r, 0))
	}
	Label("done")
	VZEROUPPER()
	RET()
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
