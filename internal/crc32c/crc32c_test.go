package crc32c

import "testing"

// TestMasked takes the check values of CRC-32C from RFC 3720, B.4, and its kin, rotated and offset by hand: 0xe3069283
// turned right by 15 is 0x2507c60d; with 0xa282ead8 added, 0xc78ab0e5.
func TestMasked(t *testing.T) {
	if got := Masked([]byte("123456789")); got != 0xc78ab0e5 {
		t.Errorf("%#x", got)
	}
	crc := uint32(0x8a9136aa) // of 32 bytes of 0
	if got, want := Masked(make([]byte, 20), make([]byte, 12)), (crc>>15|crc<<17)+0xa282ead8; got != want {
		t.Errorf("%#x, want %#x", got, want)
	}
}
