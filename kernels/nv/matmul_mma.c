/* Matrix products of halves on tensor cores. Tiles are those of tiles_mma.h; sums are float32.
 *
 * Modules: ROWS=128 COLUMNS=128, 80 or 64; ROWS=64 COLUMNS=64. */
#include "prelude.h"
#include "instructions.h"
#include "tiles_mma.h"

DEVICE void fetch_rows(lines_t& rows, shared_t to) { fetch<ROWS>(rows, to); }

/* y = act(scale a b^T + bias) + added for each member of a batch: rows x columns results, sums of depth steps, depth a
 * multiple of 8. Rows of a are a_row apart, lines of b, one for each column, b_column; members are a_0 and a_1, b_0 and
 * b_1 apart along the two axes of the batch. All these are multiples of 8, and a and b are aligned to 16 bytes.
 * y is [batch][rows][columns] and so is added, which may be y; bias is [columns]; both may be null. With halves y and
 * added are F16, else F32.
 *
 * One block a tile, as tile_of_block has them. */
KERNEL(matmul_mma, 128, 1, 1)(
    IN(h16, a), IN(h16, b), IN(float, bias), IN(float, added), OUT(float, y), int rows, int columns, int depth,
    i64 a_row, i64 b_column, int batch_1, i64 a_0, i64 a_1, i64 b_0, i64 b_1, float scale, int activation, int halves)
{
    AT(a);
    AT(b);
    AT(bias);
    LOCAL_ARRAY(u8, tile, TILE_BYTES);
    tile_t at = tile_of_block(rows, columns);
    int member = at.result;
    a += member / batch_1 * a_0 + member % batch_1 * a_1;
    b += member / batch_1 * b_0 + member % batch_1 * b_1;

    sums_t sums;
    lines_t of_rows = lines_of(a, a_row, at.first_row, rows, 0, depth);
    lines_t of_columns = lines_of(b, b_column, at.first_column, columns, 0, depth);
    sum_products(SHARED(tile), of_rows, of_columns, 0, depth, sums);

    i64 of_member = (i64)member * rows * columns;
    result_t result = {
        bias, 0, added, y, added_at + of_member, y_at + of_member, rows, columns, rows, activation, halves, scale};
    store_tile((float*)tile, sums, result, at.first_row, at.first_column);
}
