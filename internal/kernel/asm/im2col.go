package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// im2col writes the copies that fill panels of B from an image.
func im2col() {
	for _, s := range isas {
		copyLanes(s)
		copySecondLanes(s)
	}
}

// copySecondLanes is copyLanes for convolutions of stride 2.
func copySecondLanes(s isa) {
	const width = 2 // vectors of a panel
	symbol := name("copySecondLanes%s", s.name)
	TEXT(symbol, NOSPLIT, "func(dst, src *float32, n, rows, ld, plane int)")
	Pragma("noescape")
	Doc(name("%s is copyLanes%s of every second element: of 2n−1, n are copied.", symbol, s.name))
	dst, src, n, rows := pointer("dst"), pointer("src"), pointer("n"), pointer("rows")
	ld, plane := pointer("ld"), pointer("plane")
	SHLQ(operand.Imm(2), ld)
	SHLQ(operand.Imm(2), plane)
	zero, span := GP64(), GP64()
	XORQ(zero, zero)
	LEAQ(operand.Mem{Base: n, Index: n, Scale: 1, Disp: -1}, span)
	from := s.windowMasks(zero, span, 2*width)

	walk := func(label string, store func(i int, v reg.VecVirtual)) {
		Label(label)
		for i := range width {
			x := s.vecs(2)
			for k := range x {
				s.loadMasked(at(src, (2*i+k)*s.bytes()), from[2*i+k], x[k])
			}
			store(i, s.shuffle(symbol, x, func(_, l int) int { return 2 * l }, 1)[0])
		}
		ADDQ(plane, src)
		ADDQ(ld, dst)
		DECQ(rows)
		JNZ(operand.LabelRef(label))
		JMP(operand.LabelRef("done"))
	}
	CMPQ(n, operand.Imm(uint64(width*s.lanes)))
	JNE(operand.LabelRef("part"))
	walk("whole", func(i int, v reg.VecVirtual) { VMOVUPS(v, at(dst, i*s.bytes())) })
	Label("part")
	to := s.masks(n, width)
	walk("next", func(i int, v reg.VecVirtual) { s.storeMasked(v, to[i], at(dst, i*s.bytes())) })
	Label("done")
	VZEROUPPER()
	RET()
}

func copyLanes(s isa) {
	const width = 2 // vectors of a panel
	TEXT(name("copyLanes%s", s.name), NOSPLIT, "func(dst, src *float32, n, rows, ld, plane int)")
	Pragma("noescape")
	Doc(name("copyLanes%s copies n elements, 1 to %d, for each of rows ≥ 1 rows; from row to row dst moves by ld and src by", s.name, width*s.lanes), "plane elements.")
	dst, src, n, rows := pointer("dst"), pointer("src"), pointer("n"), pointer("rows")
	ld, plane := pointer("ld"), pointer("plane")
	SHLQ(operand.Imm(2), ld)
	SHLQ(operand.Imm(2), plane)
	v := s.vecs(width)

	CMPQ(n, operand.Imm(uint64(width*s.lanes)))
	JNE(operand.LabelRef("part"))
	Label("whole")
	for i := range width {
		VMOVUPS(at(src, i*s.bytes()), v[i])
	}
	for i := range width {
		VMOVUPS(v[i], at(dst, i*s.bytes()))
	}
	ADDQ(plane, src)
	ADDQ(ld, dst)
	DECQ(rows)
	JNZ(operand.LabelRef("whole"))
	JMP(operand.LabelRef("done"))

	Label("part")
	masks := s.masks(n, width)
	Label("next")
	for i := range width {
		s.loadMasked(at(src, i*s.bytes()), masks[i], v[i])
	}
	for i := range width {
		s.storeMasked(v[i], masks[i], at(dst, i*s.bytes()))
	}
	ADDQ(plane, src)
	ADDQ(ld, dst)
	DECQ(rows)
	JNZ(operand.LabelRef("next"))
	Label("done")
	VZEROUPPER()
	RET()
}

// masks makes registers that select the first n lanes (below 64) of width vectors: opmask registers for AVX-512, sign
// bits of vector registers for AVX2. n is lost.
func (s isa) masks(n reg.Register, width int) []reg.Register {
	out := make([]reg.Register, width)
	if s.lanes == 16 {
		bits := GP64()
		MOVQ(operand.I32(-1), bits)
		BZHIQ(n, bits, bits)
		for i := range out {
			k := K()
			KMOVW(bits.As32(), k)
			if i+1 < width {
				SHRQ(operand.Imm(16), bits)
			}
			out[i] = k
		}
		return out
	}
	// Lane l of vector i is selected if 8i+l < n.
	count := s.vec()
	x := XMM()
	VMOVD(n.(reg.GPVirtual).As32(), x)
	VPBROADCASTD(x, count)
	for i := range out {
		m := s.vec()
		VPCMPGTD(laneNumbers(i), count, m)
		out[i] = m
	}
	return out
}

var laneTable operand.Mem

// laneNumbers is a constant: 8i, 8i+1, …, 8i+7 as int32.
func laneNumbers(i int) operand.Mem {
	if laneTable.Symbol.Name == "" {
		laneTable = GLOBL("laneNumbers", 8|16) // RODATA, NOPTR
		for l := range 32 {
			DATA(4*l, operand.U32(uint32(l)))
		}
	}
	m := laneTable
	m.Disp += 32 * i
	return m
}

func (s isa) loadMasked(m operand.Mem, mask reg.Register, v reg.VecVirtual) {
	if s.lanes == 16 {
		VMOVUPS_Z(m, mask, v)
	} else {
		VMASKMOVPS(m, mask, v)
	}
}

func (s isa) storeMasked(v reg.VecVirtual, mask reg.Register, m operand.Mem) {
	if s.lanes == 16 {
		VMOVUPS(v, mask, m)
	} else {
		VMASKMOVPS(v, mask, m)
	}
}
