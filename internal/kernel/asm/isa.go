package main

import (
	"fmt"
	"log"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is an instruction set to generate for. Both have fused multiply-add; instructions are the same mnemonics over
// another width of register.
type isa struct {
	name  string // as it stands in function names
	lanes int    // float32 in a vector register
	vec   func() reg.VecVirtual
	rows  int // rows of C that the tallest GEMM micro-kernel holds in registers
}

// The accumulators of a GEMM tile (rows × 2 vectors), two vectors of B and two broadcast elements of A fill the
// register file: 2·14+4 = 32 and 2·6+4 = 16.
var isas = []isa{
	{name: "AVX512", lanes: 16, vec: ZMM, rows: 14},
	{name: "AVX2", lanes: 8, vec: YMM, rows: 6},
}

func (s isa) bytes() int { return 4 * s.lanes }

// vecs allocates n vector registers.
func (s isa) vecs(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = s.vec()
	}
	return v
}

// zero clears a register with an instruction of the instruction set's own width.
func (s isa) zero(v reg.VecVirtual) {
	if s.lanes == 16 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

// broadcast fills every lane of a new register with a float32 argument.
func (s isa) broadcast(arg string) reg.VecVirtual {
	p, err := Param(arg).Resolve()
	if err != nil {
		log.Fatalf("argument %s: %v", arg, err)
	}
	v := s.vec()
	VBROADCASTSS(p.Addr, v)
	return v
}

// at is the memory operand base + disp bytes.
func at(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

// pointer loads a pointer or integer argument into a register of its own.
func pointer(arg string) reg.Register { return Load(Param(arg), GP64()) }

func name(format string, args ...any) string { return fmt.Sprintf(format, args...) }
