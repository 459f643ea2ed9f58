package tensor

import "math"

// ToF16 rounds a float32 to the nearest binary16, ties to even; what is too large becomes an infinity, and a NaN stays
// a (quiet) NaN.
func ToF16(f float32) F16 {
	b := math.Float32bits(f)
	sign := uint16(b>>16) & 0x8000
	exp := int(b>>23) & 0xff
	man := b & 0x7fffff
	switch {
	case exp == 0xff:
		if man != 0 {
			return F16(sign | 0x7e00 | uint16(man>>13))
		}
		return F16(sign | 0x7c00)
	case exp > 142: // 2^16 and up
		return F16(sign | 0x7c00)
	case exp >= 113: // a normal binary16, though rounding may carry it into infinity
		v := uint32(exp-112)<<10 | man>>13
		rem := man & 0x1fff
		if rem > 0x1000 || rem == 0x1000 && v&1 == 1 {
			v++
		}
		return F16(sign | uint16(v))
	case exp >= 102: // a subnormal binary16, though rounding may carry it into the normals
		man |= 0x800000
		shift := uint(126 - exp)
		v := man >> shift
		rem := man & (1<<shift - 1)
		half := uint32(1) << (shift - 1)
		if rem > half || rem == half && v&1 == 1 {
			v++
		}
		return F16(sign | uint16(v))
	}
	return F16(sign)
}

// Float32 widens exactly.
func (h F16) Float32() float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 0x1f
	man := uint32(h & 0x3ff)
	switch {
	case exp == 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | man<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | man<<13)
	case man == 0:
		return math.Float32frombits(sign)
	}
	f := float32(man) * (1.0 / (1 << 24))
	return math.Float32frombits(math.Float32bits(f) | sign)
}

// ToBF16 rounds a float32 to the nearest bfloat16, ties to even; a NaN stays a (quiet) NaN.
func ToBF16(f float32) BF16 {
	b := math.Float32bits(f)
	if f != f {
		return BF16(b>>16 | 0x40)
	}
	return BF16((b + 0x7fff + b>>16&1) >> 16)
}

// Float32 widens exactly.
func (h BF16) Float32() float32 { return math.Float32frombits(uint32(h) << 16) }
