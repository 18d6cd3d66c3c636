using System;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Weights of the differences a UniPC step adds. They solve <c>sum_k r_k^(i-1) rho_k = i! phi_(i+1)(h) h^i / B(h)</c>
/// in the form the reference computes. Source: Zhao et al., 2023, arXiv:2302.04867, theorem 3.1 and appendix B.
/// </summary>
internal static class UniPcWeights
{
    /// <summary>Weights of the values before the step.</summary>
    /// <param name="ratios">(lambda of the value - lambda of the step) / h, newest first; order - 1 of them.</param>
    /// <param name="h">Step in lambda with the sign of what is integrated.</param>
    /// <param name="growth">exp(h) - 1.</param>
    /// <param name="b">B(h).</param>
    public static double[] Predictor(double[] ratios, double h, double growth, double b) => ratios.Length switch
    {
        0 => [],
        1 => [0.5],
        _ => Solve(ratios, h, growth, b),
    };

    /// <summary>The same and, last, that of the value at the end of the step.</summary>
    public static double[] Corrector(double[] ratios, double h, double growth, double b) =>
        ratios.Length == 0 ? [0.5] : Solve([.. ratios, 1], h, growth, b);

    /// <summary>Solves the Vandermonde system of the ratios.</summary>
    private static double[] Solve(double[] ratios, double h, double growth, double b)
    {
        int n = ratios.Length;
        double[,] rows = new double[n, n + 1];
        double phi = (growth / h) - 1;
        double factorial = 1;
        for (int i = 0; i < n; i++)
        {
            for (int k = 0; k < n; k++)
            {
                rows[i, k] = Math.Pow(ratios[k], i);
            }

            rows[i, n] = phi * factorial / b;
            factorial *= i + 2;
            phi = (phi / h) - (1 / factorial);
        }

        // Row 0 is all ones and ratios differ, so elimination in order meets no zero pivot.
        for (int pivot = 0; pivot < n; pivot++)
        {
            for (int row = 0; row < n; row++)
            {
                if (row == pivot)
                {
                    continue;
                }

                double factor = rows[row, pivot] / rows[pivot, pivot];
                for (int k = pivot; k <= n; k++)
                {
                    rows[row, k] -= factor * rows[pivot, k];
                }
            }
        }

        double[] solution = new double[n];
        for (int i = 0; i < n; i++)
        {
            solution[i] = rows[i, n] / rows[i, i];
        }

        return solution;
    }
}
