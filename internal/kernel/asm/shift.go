package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// shift writes the loops over shifted rows that are not in the family depthwise.
func shift() {
	for _, s := range isas {
		for _, taps := range append(shiftTaps, s.maxTaps()) {
			shiftDots(s, taps)
		}
		shiftMax(s)
		shiftPick(s)
	}
}

// shiftTaps are the numbers of taps that there is a loop for, besides the most that an instruction set has.
var shiftTaps = []int{1, 2, 3, 5, 9}

// maxTaps is how many taps' sums stay in registers.
func (s isa) maxTaps() int {
	if s.lanes == 16 {
		return 25
	}
	return 13
}

// shiftDots keeps a vector of sums for each tap.
func shiftDots(s isa, taps int) {
	TEXT(name("shiftDots%sx%d", s.name, taps), NOSPLIT, "func(out *float64, dy, src *float32, n int, offsets *int)")
	Pragma("noescape")
	Doc(name("shiftDots%sx%d adds Σ_i dy[i]·src[i+offsets[t]] over n ≥ 1 elements to out[t] for %d taps. The sums are", s.name, taps, taps),
		name("%d interleaved ones in float32, which are added up in float64.", s.lanes))
	src, dy, n, offsets := pointer("src"), pointer("dy"), pointer("n"), pointer("offsets")
	acc := s.vecs(taps)
	for _, v := range acc {
		s.zero(v)
	}
	step := func(mask reg.Register) {
		y := s.vec()
		if mask != nil {
			s.loadMasked(at(dy, 0), mask, y)
		} else {
			VMOVUPS(at(dy, 0), y)
		}
		for t, v := range acc {
			p := GP64()
			MOVQ(at(offsets, 8*t), p)
			from := operand.Mem{Base: src, Index: p, Scale: 4}
			switch {
			case mask == nil:
				VFMADD231PS(from, y, v)
			case s.lanes == 16:
				VFMADD231PS(from, y, mask, v)
			default:
				x := s.vec()
				s.loadMasked(from, mask, x)
				VFMADD231PS(x, y, v)
			}
		}
	}
	Label("next")
	CMPQ(n, operand.Imm(uint64(s.lanes)))
	JL(operand.LabelRef("part"))
	step(nil)
	ADDQ(operand.Imm(uint64(s.bytes())), dy)
	ADDQ(operand.Imm(uint64(s.bytes())), src)
	SUBQ(operand.Imm(uint64(s.lanes)), n)
	JMP(operand.LabelRef("next"))
	Label("part")
	TESTQ(n, n)
	JZ(operand.LabelRef("done"))
	step(s.masks(n, 1)[0])
	Label("done")
	out := pointer("out")
	for t, v := range acc {
		sum := s.foldDoubles(v)
		x := XMM()
		VMOVSD(at(out, 8*t), x)
		VADDSD(sum, x, x)
		VMOVSD(x, at(out, 8*t))
	}
	VZEROUPPER()
	RET()
}

// foldDoubles adds up the float32 of a vector in float64, into the lowest element. With AVX-512 it adds whole registers
// throughout, since narrower ones beyond the sixteenth would take more than AVX-512F.
func (s isa) foldDoubles(v reg.VecVirtual) reg.Register {
	if s.lanes == 16 {
		half, low, high, quarter := YMM(), ZMM(), ZMM(), XMM()
		VEXTRACTF64X4(operand.Imm(1), v, half)
		VCVTPS2PD(v.AsY(), low)
		VCVTPS2PD(half, high)
		VADDPD(high, low, low)
		VEXTRACTF64X4(operand.Imm(1), low, half)
		VADDPD(half.AsZ(), low, low)
		VEXTRACTF32X4(operand.Imm(1), low, quarter)
		VADDPD(quarter.AsZ(), low, low)
		VUNPCKHPD(low, low, high)
		VADDSD(high.AsX(), low.AsX(), low.AsX())
		return low.AsX()
	}
	y, half, high := YMM(), XMM(), YMM()
	VEXTRACTF128(operand.Imm(1), v, half)
	VCVTPS2PD(v.AsX(), y)
	VCVTPS2PD(half, high)
	VADDPD(high, y, y)
	x, other := XMM(), XMM()
	VEXTRACTF128(operand.Imm(1), y, x)
	VADDPD(x, y.AsX(), x)
	VUNPCKHPD(x, x, other)
	VADDSD(other, x, x)
	return x
}

// shiftMax works on strips of four vectors. The last strips overlap those before rather than being cut short: what is
// computed twice is the same.
func shiftMax(s isa) {
	TEXT(name("shiftMax%s", s.name), NOSPLIT, "func(dst *float32, which *uint8, src *float32, n int, offsets *int, taps int)")
	Pragma("noescape")
	Doc(name("shiftMax%s is ShiftMax for n ≥ %d elements and taps ≥ 1.", s.name, rowStep))
	dst, which, src, n := pointer("dst"), pointer("which"), pointer("src"), pointer("n")
	offsets, taps := pointer("offsets"), pointer("taps")
	i, end := GP64(), GP64()
	XORQ(i, i)
	for _, width := range []int{4 * s.singles(), s.singles()} {
		label := name("strip%d", width)
		elements := width * s.lanes
		// The last strip of this width begins at end; wide strips leave what is short of one to the narrow ones.
		MOVQ(n, end)
		SUBQ(operand.Imm(uint64(elements)), end)
		Label(label)
		CMPQ(i, end)
		JG(operand.LabelRef(label + "_end"))
		s.maxStrip(label, width, dst, which, src, offsets, taps, i)
		ADDQ(operand.Imm(uint64(elements)), i)
		JMP(operand.LabelRef(label))
		Label(label + "_end")
	}
	CMPQ(i, n)
	JE(operand.LabelRef("done"))
	MOVQ(end, i)
	JMP(operand.LabelRef(name("strip%d", s.singles())))
	Label("done")
	VZEROUPPER()
	RET()
}

func (s isa) maxStrip(label string, width int, dst, which, src, offsets, taps, i reg.Register) {
	best, index := s.vecs(width), s.vecs(width)
	for start := 0; start < width; start += 4 { // AVX2 has registers for four vectors at a time
		w := min(4, width-start)
		part := name("%s_%d", label, start)
		t, p, at0 := GP64(), GP64(), GP64()
		MOVQ(at(offsets, 0), p)
		LEAQ(operand.Mem{Base: src, Index: i, Scale: 4, Disp: start * s.bytes()}, at0)
		for v := start; v < start+w; v++ {
			VMOVUPS(operand.Mem{Base: at0, Index: p, Scale: 4, Disp: (v - start) * s.bytes()}, best[v])
			s.zero(index[v])
		}
		XORQ(t, t)
		JMP(operand.LabelRef(part + "_more"))
		Label(part + "_taps")
		MOVQ(operand.Mem{Base: offsets, Index: t, Scale: 8}, p)
		number := s.vec()
		if s.lanes == 16 {
			VPBROADCASTD(t.As32(), number)
		} else {
			x := XMM()
			VMOVD(t.As32(), x)
			VPBROADCASTD(x, number)
		}
		for v := start; v < start+w; v++ {
			from := operand.Mem{Base: at0, Index: p, Scale: 4, Disp: (v - start) * s.bytes()}
			x := s.vec()
			VMOVUPS(from, x)
			if s.lanes == 16 {
				k := K()
				VCMPPS(operand.Imm(ordered), best[v], best[v], k)
				VCMPPS(operand.Imm(notLessEqual), best[v], x, k, k)
				VMOVAPS(x, k, best[v])
				VMOVDQA32(number, k, index[v])
				continue
			}
			m, known := s.vec(), s.vec()
			VCMPPS(operand.Imm(ordered), best[v], best[v], known)
			VCMPPS(operand.Imm(notLessEqual), best[v], x, m)
			VANDPS(known, m, m)
			VBLENDVPS(m, x, best[v], best[v])
			VBLENDVPS(m, number, index[v], index[v])
		}
		Label(part + "_more")
		INCQ(t)
		CMPQ(t, taps)
		JNE(operand.LabelRef(part + "_taps"))
		for v := start; v < start+w; v++ {
			VMOVUPS(best[v], s.single(dst, i, v))
			to := operand.Mem{Base: which, Index: i, Scale: 1, Disp: v * s.lanes}
			if s.lanes == 16 {
				VPMOVDB(index[v], to)
				continue
			}
			low, high := index[v].AsX(), XMM()
			VEXTRACTI128(operand.Imm(1), index[v], high)
			VPACKUSDW(high, low, high)
			VPACKUSWB(high, high, high)
			VMOVQ(high, to)
		}
	}
}

// shiftPick adds the elements of dy that one tap won.
func shiftPick(s isa) {
	TEXT(name("shiftPick%s", s.name), NOSPLIT, "func(dx, dy *float32, which *uint8, n int, tap int)")
	Pragma("noescape")
	Doc(name("shiftPick%s adds dy[i] to dx[i] where which[i] is tap, for n > 0 elements, a multiple of %d.", s.name, rowStep))
	dx, dy, which, n := pointer("dx"), pointer("dy"), pointer("which"), pointer("n")
	number := s.vec()
	tap := pointer("tap")
	if s.lanes == 16 {
		VPBROADCASTD(tap.(reg.GPVirtual).As32(), number)
	} else {
		x := XMM()
		VMOVD(tap.(reg.GPVirtual).As32(), x)
		VPBROADCASTD(x, number)
	}
	s.rowLoop(n, func(i reg.Register) {
		for v := range s.singles() {
			w, x := s.vec(), s.vec()
			VPMOVZXBD(operand.Mem{Base: which, Index: i, Scale: 1, Disp: v * s.lanes}, w)
			VMOVUPS(s.single(dx, i, v), x)
			if s.lanes == 16 {
				k := K()
				VPCMPEQD(number, w, k)
				VADDPS(s.single(dy, i, v), x, k, x)
			} else {
				sum := s.vec()
				VPCMPEQD(number, w, w)
				VADDPS(s.single(dy, i, v), x, sum)
				VBLENDVPS(w, sum, x, x)
			}
			VMOVUPS(x, s.single(dx, i, v))
		}
	})
	RET()
}
