package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pack writes the transposition that fills panels from a matrix whose rows are contiguous along the sums.
func pack() {
	for _, s := range isas {
		packTransposed(s)
	}
}

// packTransposed works on square blocks of as many rows and columns as a vector has lanes. Rows that are missing are
// replaced by the last one; every store is a whole vector, and what it has too much is overwritten by the next one. The
// last block begins early enough to be whole.
func packTransposed(s isa) {
	TEXT(name("packTransposed%s", s.name), NOSPLIT, "func(dst, src *float32, rows, k, ldd, lds int)")
	Pragma("noescape")
	Doc(name("packTransposed%s writes dst[l·ldd + r] = src[r·lds + l] for r < rows, 1 to %d, and l < k, at least %d. It writes", s.name, s.lanes, s.lanes),
		name("%d elements for each l, in the order of l, and so up to %d behind the end.", s.lanes, s.lanes-1))
	dst, src, rows, k := pointer("dst"), pointer("src"), pointer("rows"), pointer("k")
	ldd, lds := pointer("ldd"), pointer("lds")
	SHLQ(operand.Imm(2), ldd)
	SHLQ(operand.Imm(2), lds)

	// Where each row begins, in bytes.
	table := AllocLocal(8 * s.lanes)
	offset, next := GP64(), GP64()
	XORQ(offset, offset)
	for r := range s.lanes {
		MOVQ(offset, table.Offset(8*r))
		LEAQ(operand.Mem{Base: offset, Index: lds, Scale: 1}, next)
		CMPQ(rows, operand.Imm(uint64(r+1)))
		CMOVQHI(next, offset)
	}

	l, last := GP64(), GP64()
	XORQ(l, l)
	MOVQ(k, last)
	SUBQ(operand.Imm(uint64(s.lanes)), last)
	Label("block")
	v := make([]reg.VecVirtual, s.lanes)
	from, row := GP64(), GP64()
	LEAQ(operand.Mem{Base: src, Index: l, Scale: 4}, from)
	for r := range v {
		v[r] = s.vec()
		MOVQ(table.Offset(8*r), row)
		VMOVUPS(operand.Mem{Base: from, Index: row, Scale: 1}, v[r])
	}
	to := GP64()
	MOVQ(l, to)
	IMULQ(ldd, to)
	ADDQ(dst, to)
	for c, column := range s.transposed(v) {
		VMOVUPS(column, at(to, 0))
		if c+1 < s.lanes {
			ADDQ(ldd, to)
		}
	}
	CMPQ(l, last)
	JE(operand.LabelRef("done"))
	ADDQ(operand.Imm(uint64(s.lanes)), l)
	CMPQ(l, last)
	JLE(operand.LabelRef("block"))
	MOVQ(last, l)
	JMP(operand.LabelRef("block"))
	Label("done")
	VZEROUPPER()
	RET()
}

// transposed turns a square block round.
func (s isa) transposed(v []reg.VecVirtual) []reg.VecVirtual {
	two := func(op func(...operand.Op), a, b reg.VecVirtual) reg.VecVirtual {
		x := s.vec()
		op(b, a, x)
		return x
	}
	// Within each quarter of 128 bits: four rows of as many columns.
	quads := make([]reg.VecVirtual, len(v))
	for g := 0; g < len(v); g += 4 {
		low, high := two(VUNPCKLPS, v[g], v[g+1]), two(VUNPCKHPS, v[g], v[g+1])
		low2, high2 := two(VUNPCKLPS, v[g+2], v[g+3]), two(VUNPCKHPS, v[g+2], v[g+3])
		quads[g], quads[g+1] = two(VUNPCKLPD, low, low2), two(VUNPCKHPD, low, low2)
		quads[g+2], quads[g+3] = two(VUNPCKLPD, high, high2), two(VUNPCKHPD, high, high2)
	}
	out := make([]reg.VecVirtual, len(v))
	if s.lanes == 8 {
		for c := range 4 {
			out[c], out[4+c] = s.vec(), s.vec()
			VPERM2F128(operand.Imm(0x20), quads[4+c], quads[c], out[c])
			VPERM2F128(operand.Imm(0x31), quads[4+c], quads[c], out[4+c])
		}
		return out
	}
	quarters := func(imm uint64, a, b reg.VecVirtual) reg.VecVirtual {
		x := s.vec()
		VSHUFF32X4(operand.Imm(imm), b, a, x)
		return x
	}
	const even, odd = 0x88, 0xdd
	for c := range 4 {
		e0, o0 := quarters(even, quads[c], quads[4+c]), quarters(odd, quads[c], quads[4+c])
		e1, o1 := quarters(even, quads[8+c], quads[12+c]), quarters(odd, quads[8+c], quads[12+c])
		out[c], out[8+c] = quarters(even, e0, e1), quarters(odd, e0, e1)
		out[4+c], out[12+c] = quarters(even, o0, o1), quarters(odd, o0, o1)
	}
	return out
}
