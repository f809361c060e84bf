/* The powers of a vector of LANES numbers and of a row of them; powers.c includes it once for each kind of vector.

   LANES, and OF(name), which gives each kind its own names, are defined there. */

typedef double OF(Reals) __attribute__((vector_size(8 * LANES)));
typedef npy_uint64 OF(Bits) __attribute__((vector_size(8 * LANES)));
typedef npy_int64 OF(Wholes) __attribute__((vector_size(8 * LANES)));

/* Gives the powers of `x`; all ones where they are right. */
static inline __attribute__((always_inline)) OF(Wholes) OF(powers)(OF(Reals) x, Exponent y, OF(Reals) *result)
{
    const npy_uint64 root_half = 0x3FE6A09E667F3BCD;
    OF(Bits) bits = (OF(Bits))x;
    OF(Bits) k = (bits - root_half + ((npy_uint64)1024 << 52)) >> 52; /* k + 1024 */
    OF(Reals) m = (OF(Reals))(bits - ((k - 1024) << 52));
    OF(Reals) scale = (OF(Reals))(k | 0x4330000000000000) - (0x1p52 + 1024.0);

    OF(Reals) s = (m - 1.0) / (m + 1.0), z = s * s;
    OF(Reals) p = z * 0x1.b59eb81d6acc2p-3 + 0x1.c46cf0ffd1e56p-3;
    p = p * z + 0x1.0ca165d33d80cp-2;
    p = p * z + 0x1.484afb60c8f83p-2;
    p = p * z + 0x1.a61762d6d0fb9p-2;
    p = p * z + 0x1.2776c50ee37b1p-1;
    p = p * z + 0x1.ec709dc3a047ep-1;
    p = p * z + 0x1.71547652b82fep+1;
    OF(Reals) log2_m = p * s;

    OF(Reals) whole = scale * y.head; /* exact: 26 and 11 bits */
    OF(Reals) n = (whole + ROUNDER) - ROUNDER;
    OF(Reals) part = (whole - n) + (scale * y.tail + log2_m * y.exponent);
    OF(Reals) more = (part + ROUNDER) - ROUNDER;
    OF(Reals) r = part - more;
    n += more;

    OF(Reals) q = r * 0x1.e9ec3d7558475p-32 + 0x1.e622ad9593e67p-28;
    q = q * r + 0x1.b524ebc089f66p-24;
    q = q * r + 0x1.62bfc2b4dbc3ep-20;
    q = q * r + 0x1.ffcbfc6dad6adp-17;
    q = q * r + 0x1.4309131133fe4p-13;
    q = q * r + 0x1.5d87fe78a3f8cp-10;
    q = q * r + 0x1.3b2ab6fb9f17fp-7;
    q = q * r + 0x1.c6b08d704a0c6p-5;
    q = q * r + 0x1.ebfbdff82c5afp-3;
    q = q * r + 0x1.62e42fefa39efp-1;
    q = q * r + 1.0;
    *result = q * (OF(Reals))(((OF(Bits))(n + ROUNDER) + 1023) << 52);
    return (x >= 1.0 / LARGEST_NUMBER) & (x <= LARGEST_NUMBER) & (n * n <= LARGEST_POWER * LARGEST_POWER);
}

static void OF(raise)(const double *base, npy_intp count, double addend, Exponent y, double *out)
{
    for (npy_intp i = 0; i < count; i += LANES) {
        size_t bytes = sizeof(double) * (size_t)(count - i < LANES ? count - i : LANES);
        OF(Reals) x = {1.0, 1.0}, result; /* what is left over at the end counts as 1 or 0, and is not kept */
        if (bytes == sizeof x) {
            memcpy(&x, base + i, sizeof x);
        } else {
            memcpy(&x, base + i, bytes);
        }
        x += addend;
        OF(Wholes) right = OF(powers)(x, y, &result);
        npy_int64 all = -1;
        for (int lane = 0; lane < LANES; lane++) {
            all &= right[lane];
        }
        if (!all) {
            for (int lane = 0; lane < LANES; lane++) {
                result[lane] = right[lane] ? result[lane] : pow(x[lane], y.exponent);
            }
        }
        if (bytes == sizeof result) {
            memcpy(out + i, &result, sizeof result);
        } else {
            memcpy(out + i, &result, bytes);
        }
    }
}

#undef LANES
#undef OF
