package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Bits of the micro-kernels' flags argument, as in package kernel.
const (
	flagAccumulate = 1
	flagFinish     = 2
)

// prefetchRows is the height from which a micro-kernel has time to spare for prefetching.
const prefetchRows = 6

// gemm writes one micro-kernel for each instruction set and each number of rows up to its tallest, so that a matrix
// whose rows do not divide evenly wastes no arithmetic on padding.
func gemm() {
	for _, s := range isas {
		for rows := 1; rows <= s.rows; rows++ {
			gemmTile(s, rows)
		}
	}
}

func gemmTile(s isa, rows int) {
	const width = 2 // vectors of C's columns
	TEXT(name("gemmTile%sx%d", s.name, rows), NOSPLIT,
		"func(k int, a, b *float32, ldb int, c *float32, ldc int, bias *float32, lo, hi float32, flags int)")
	Pragma("noescape")
	Doc(name("gemmTile%sx%d computes a tile of C of %d×%d: the contract is that of microKernel.tile.", s.name, rows, rows, width*s.lanes))
	k, a, b, ldb, c, ldc := pointer("k"), pointer("a"), pointer("b"), pointer("ldb"), pointer("c"), pointer("ldc")
	flags := pointer("flags")
	SHLQ(operand.Imm(2), ldb)
	SHLQ(operand.Imm(2), ldc)

	acc := make([][]reg.VecVirtual, rows)
	for r := range acc {
		acc[r] = s.vecs(width)
	}
	TESTQ(operand.U32(flagAccumulate), flags)
	JZ(operand.LabelRef("fresh"))
	eachRow(rows, c, ldc, func(r int, row reg.Register) {
		for v := range width {
			VMOVUPS(at(row, v*s.bytes()), acc[r][v])
		}
	})
	JMP(operand.LabelRef("loop"))
	Label("fresh")
	for r := range acc {
		for v := range width {
			s.zero(acc[r][v])
		}
	}

	Label("loop")
	bv := s.vecs(width)
	for v := range width {
		VMOVUPS(at(b, v*s.bytes()), bv[v])
	}
	if rows >= prefetchRows {
		// Where rows of B are far apart, the tile beside this one is the next to be read.
		for v := range width {
			PREFETCHT0(at(b, (width+v)*s.bytes()))
		}
	}
	for r := range rows {
		av := s.vec()
		VBROADCASTSS(at(a, 4*r), av)
		for v := range width {
			VFMADD231PS(bv[v], av, acc[r][v])
		}
	}
	ADDQ(operand.Imm(uint64(4*rows)), a)
	ADDQ(ldb, b)
	DECQ(k)
	JNZ(operand.LabelRef("loop"))

	TESTQ(operand.U32(flagFinish), flags)
	JZ(operand.LabelRef("store"))
	bias := pointer("bias")
	lo, hi := s.broadcast("lo"), s.broadcast("hi")
	for r := range rows {
		t := s.vec()
		VBROADCASTSS(at(bias, 4*r), t)
		for v := range width {
			// Where an operand is NaN, VMAXPS and VMINPS give their first one in Go's order: NaN stays NaN.
			VADDPS(t, acc[r][v], acc[r][v])
			VMAXPS(acc[r][v], lo, acc[r][v])
			VMINPS(acc[r][v], hi, acc[r][v])
		}
	}
	Label("store")
	eachRow(rows, c, ldc, func(r int, row reg.Register) {
		for v := range width {
			VMOVUPS(acc[r][v], at(row, v*s.bytes()))
		}
	})
	VZEROUPPER()
	RET()
}

// eachRow walks a pointer down the rows of C.
func eachRow(rows int, c, ldc reg.Register, body func(r int, row reg.Register)) {
	row := GP64()
	MOVQ(c, row)
	for r := range rows {
		body(r, row)
		if r+1 < rows {
			ADDQ(ldc, row)
		}
	}
}
