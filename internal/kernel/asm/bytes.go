package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// byteRows and byteCols are the size of the tallest tile of bytes, as in package kernel.
const (
	byteRows = 14
	byteCols = 32
)

// bytes writes the kernels of 8-bit integers: matrix tiles for AVX-512 VNNI and for AVX2, and the rest for AVX-512.
func bytes() {
	for rows := 1; rows <= byteRows; rows++ {
		byteTileVNNI(rows)
	}
	for rows := 1; rows <= 4; rows++ {
		byteTileAVX2(rows)
	}
	packBytes("packBytesAVX512", 1)
	packBytes("packSecondBytesAVX512", 2)
	widenBytes()
	narrowSums()
	quantizeRow()
	addBytes()
}

const tileSignature = "func(k int, a *int8, b, c *uint8, ldc int, bias *int32, scale *float32, lo, hi float32, zero int32)"

// dotBytes is VPDPBUSD, which avo does not know: each lane of acc gets the four products of its bytes of b, unsigned, and
// of the four signed bytes in memory.
func dotBytes(a operand.Mem, b, acc reg.Register) {
	Instruction(&ir.Instruction{Opcode: "VPDPBUSD", Suffixes: []string{"BCST"}, Operands: []operand.Op{a, b, acc},
		Inputs: []operand.Op{a, b, acc}, Outputs: []operand.Op{acc}, ISA: []string{"AVX512VNNI"}})
}

func byteTileVNNI(rows int) {
	s := isas[0]
	const width = byteCols / 16
	TEXT(name("byteTileVNNIx%d", rows), NOSPLIT, tileSignature)
	Pragma("noescape")
	Doc(name("byteTileVNNIx%d is byteTileGo for %d rows and %d columns.", rows, rows, byteCols))
	k, a, b, c, ldc := pointer("k"), pointer("a"), pointer("b"), pointer("c"), pointer("ldc")
	acc := make([][]reg.VecVirtual, rows)
	for r := range acc {
		acc[r] = s.vecs(width)
		for _, v := range acc[r] {
			s.zero(v)
		}
	}
	Label("loop")
	x := s.vecs(width)
	for v := range x {
		VMOVDQU32(at(b, 64*v), x[v])
	}
	for r := range rows {
		for v := range x {
			dotBytes(at(a, 4*r), x[v], acc[r][v])
		}
	}
	ADDQ(operand.U32(4*rows), a)
	ADDQ(operand.U32(64*width), b)
	DECQ(k)
	JNZ(operand.LabelRef("loop"))

	bias, scale := pointer("bias"), pointer("scale")
	lo, hi, zero := s.broadcast("lo"), s.broadcast("hi"), s.broadcast("zero")
	for r := range rows {
		for v := range width {
			VPADDD_BCST(at(bias, 4*r), acc[r][v], acc[r][v])
			VCVTDQ2PS(acc[r][v], acc[r][v])
			VMULPS_BCST(at(scale, 4*r), acc[r][v], acc[r][v])
			s.roundInto(acc[r][v], lo, hi, zero)
			VPMOVDB(acc[r][v], at(c, 16*v))
		}
		if r+1 < rows {
			ADDQ(ldc, c)
		}
	}
	VZEROUPPER()
	RET()
}

// roundInto bounds v, NaN to lo, rounds it to even and adds the zero point.
func (s isa) roundInto(v, lo, hi, zero reg.VecVirtual) {
	VMAXPS(lo, v, v)
	VMINPS(hi, v, v)
	VCVTPS2DQ(v, v)
	VPADDD(zero, v, v)
}

// byteTileAVX2 widens bytes to 16 bits, whose products VPMADDWD adds in pairs without overflow; VPMADDUBSW would
// saturate. A lane then holds half of an output's sum.
func byteTileAVX2(rows int) {
	s := isas[1]
	const width = 2 // vectors of four outputs each
	TEXT(name("byteTileAVX2x%d", rows), NOSPLIT, tileSignature)
	Pragma("noescape")
	Doc(name("byteTileAVX2x%d is byteTileGo for %d rows and 8 columns.", rows, rows))
	k, a, b, c, ldc := pointer("k"), pointer("a"), pointer("b"), pointer("c"), pointer("ldc")
	acc := make([][]reg.VecVirtual, rows)
	for r := range acc {
		acc[r] = s.vecs(width)
		for _, v := range acc[r] {
			s.zero(v)
		}
	}
	Label("loop")
	x := s.vecs(width)
	for v := range x {
		VPMOVZXBW(at(b, 16*v), x[v])
	}
	for r := range rows {
		four, w, product := XMM(), s.vec(), s.vec()
		VPBROADCASTD(at(a, 4*r), four)
		VPMOVSXBW(four, w)
		for v := range x {
			VPMADDWD(x[v], w, product)
			VPADDD(product, acc[r][v], acc[r][v])
		}
	}
	ADDQ(operand.U32(4*rows), a)
	ADDQ(operand.U32(16*width), b)
	DECQ(k)
	JNZ(operand.LabelRef("loop"))

	bias, scale := pointer("bias"), pointer("scale")
	lo, hi, zero := s.broadcast("lo"), s.broadcast("hi"), s.broadcast("zero")
	for r := range rows {
		sum, t := acc[r][0], s.vec()
		// Halves 0 0 1 1 | 2 2 3 3 and 4 4 5 5 | 6 6 7 7 become 0 1 4 5 | 2 3 6 7, then 0 … 7.
		VPHADDD(acc[r][1], acc[r][0], sum)
		VPERMQ(operand.Imm(0b11011000), sum, sum)
		VPBROADCASTD(at(bias, 4*r), t)
		VPADDD(t, sum, sum)
		VCVTDQ2PS(sum, sum)
		VBROADCASTSS(at(scale, 4*r), t)
		VMULPS(t, sum, sum)
		s.roundInto(sum, lo, hi, zero)
		// 32 bits to 8: the numbers are 0 … 255.
		upper := XMM()
		VEXTRACTI128(operand.Imm(1), sum, upper)
		VPACKUSDW(upper, sum.AsX(), upper)
		VPACKUSWB(upper, upper, upper)
		VMOVQ(upper, at(c, 0))
		if r+1 < rows {
			ADDQ(ldc, c)
		}
	}
	VZEROUPPER()
	RET()
}

// packBytes joins the bytes of four planes, whose shifted 32-bit lanes are put together by or.
func packBytes(symbol string, stride int) {
	TEXT(symbol, NOSPLIT, "func(dst, src *uint8, n, groups, plane1, plane2, plane3, groupPlane, ld int)")
	Pragma("noescape")
	Doc(name("%s is packBytesGo for stride %d and n ≤ 16.", symbol, stride))
	dst, src, n, groups := pointer("dst"), pointer("src"), pointer("n"), pointer("groups")
	planes := []reg.Register{nil, pointer("plane1"), pointer("plane2"), pointer("plane3")}
	next, ld := pointer("groupPlane"), pointer("ld")
	s := isas[0]
	mask := s.masks(n, 1)[0]
	low := s.vec()
	if stride == 2 {
		byteMask := GP32()
		MOVL(operand.U32(0xff), byteMask)
		VPBROADCASTD(byteMask, low)
	}
	Label("group")
	all := s.vec()
	for i, p := range planes {
		v, from := s.vec(), operand.Mem{Base: src}
		if p != nil {
			from.Index, from.Scale = p, 1
		}
		if stride == 2 {
			VPMOVZXWD_Z(from, mask, v)
			VPANDD(low, v, v)
		} else {
			VPMOVZXBD_Z(from, mask, v)
		}
		if i == 0 {
			VMOVDQA32(v, all)
			continue
		}
		VPSLLD(operand.Imm(uint64(8*i)), v, v)
		VPORD(v, all, all)
	}
	VMOVDQU32(all, mask, at(dst, 0))
	ADDQ(next, src)
	ADDQ(ld, dst)
	DECQ(groups)
	JNZ(operand.LabelRef("group"))
	VZEROUPPER()
	RET()
}

// widenBytes, narrowSums, quantizeRow and addBytes work on whole vectors of 16.
func widenBytes() {
	s := isas[0]
	TEXT("widenBytesAVX512", NOSPLIT, "func(dst *float32, src *uint8, n int, zero int32, scale float32)")
	Pragma("noescape")
	Doc("widenBytesAVX512 is widenBytesGo for n > 0, a multiple of 16.")
	dst, src, n := pointer("dst"), pointer("src"), pointer("n")
	zero, scale := s.broadcast("zero"), s.broadcast("scale")
	Label("loop")
	v := s.vec()
	VPMOVZXBD(at(src, 0), v)
	VPSUBD(zero, v, v)
	VCVTDQ2PS(v, v)
	VMULPS(scale, v, v)
	VMOVUPS(v, at(dst, 0))
	ADDQ(operand.Imm(16), src)
	ADDQ(operand.Imm(64), dst)
	SUBQ(operand.Imm(16), n)
	JNZ(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}

func narrowSums() {
	s := isas[0]
	TEXT("narrowSumsAVX512", NOSPLIT, "func(dst *uint8, src *float32, n int, bias int32, scale, lo, hi float32, zero int32)")
	Pragma("noescape")
	Doc("narrowSumsAVX512 is narrowSumsGo for n > 0, a multiple of 16.")
	dst, src, n := pointer("dst"), pointer("src"), pointer("n")
	bias, scale, lo, hi, zero := s.broadcast("bias"), s.broadcast("scale"), s.broadcast("lo"), s.broadcast("hi"), s.broadcast("zero")
	Label("loop")
	v := s.vec()
	VCVTPS2DQ(at(src, 0), v)
	VPADDD(bias, v, v)
	VCVTDQ2PS(v, v)
	VMULPS(scale, v, v)
	s.roundInto(v, lo, hi, zero)
	VPMOVDB(v, at(dst, 0))
	ADDQ(operand.Imm(64), src)
	ADDQ(operand.Imm(16), dst)
	SUBQ(operand.Imm(16), n)
	JNZ(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}

func quantizeRow() {
	s := isas[0]
	TEXT("quantizeRowAVX512", NOSPLIT, "func(dst *uint8, src *float32, n int, scale, lo, hi float32, zero int32)")
	Pragma("noescape")
	Doc("quantizeRowAVX512 is quantizeRowGo for n > 0, a multiple of 16.")
	dst, src, n := pointer("dst"), pointer("src"), pointer("n")
	scale, lo, hi, zero := s.broadcast("scale"), s.broadcast("lo"), s.broadcast("hi"), s.broadcast("zero")
	Label("loop")
	v, none := s.vec(), K()
	VMOVUPS(at(src, 0), v)
	VDIVPS(scale, v, v)
	VCMPPS(operand.Imm(ordered), v, v, none)
	VMOVAPS_Z(v, none, v) // NaN becomes 0, and so the zero point
	s.roundInto(v, lo, hi, zero)
	VPMOVDB(v, at(dst, 0))
	ADDQ(operand.Imm(64), src)
	ADDQ(operand.Imm(16), dst)
	SUBQ(operand.Imm(16), n)
	JNZ(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}

func addBytes() {
	s := isas[0]
	TEXT("addBytesAVX512", NOSPLIT, "func(dst, x, y *uint8, n int, xZero int32, xScale float32, yZero int32, yScale, scale, lo, hi float32, zero int32)")
	Pragma("noescape")
	Doc("addBytesAVX512 is addBytesGo for n > 0, a multiple of 16.")
	dst, x, y, n := pointer("dst"), pointer("x"), pointer("y"), pointer("n")
	xZero, xScale, yZero, yScale := s.broadcast("xZero"), s.broadcast("xScale"), s.broadcast("yZero"), s.broadcast("yScale")
	scale, lo, hi, zero := s.broadcast("scale"), s.broadcast("lo"), s.broadcast("hi"), s.broadcast("zero")
	Label("loop")
	p, q := s.vec(), s.vec()
	VPMOVZXBD(at(x, 0), p)
	VPMOVZXBD(at(y, 0), q)
	VPSUBD(xZero, p, p)
	VPSUBD(yZero, q, q)
	VCVTDQ2PS(p, p)
	VCVTDQ2PS(q, q)
	VMULPS(xScale, p, p)
	VMULPS(yScale, q, q)
	VADDPS(q, p, p)
	VDIVPS(scale, p, p)
	s.roundInto(p, lo, hi, zero)
	VPMOVDB(p, at(dst, 0))
	for _, r := range []reg.Register{x, y, dst} {
		ADDQ(operand.Imm(16), r)
	}
	SUBQ(operand.Imm(16), n)
	JNZ(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}
