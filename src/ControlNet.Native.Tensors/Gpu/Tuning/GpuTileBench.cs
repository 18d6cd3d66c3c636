using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Runtime.InteropServices;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu.Tuning;

/// <summary>
/// Products of random numbers on a device, through the same launchers as any other. The device's own table of tiles is
/// put back when it is disposed.
/// </summary>
internal sealed class GpuTileBench : ITileBench, IDisposable
{
    /// <summary>What is timed takes at least so long, so that neither clock nor launch matters.</summary>
    private const double LeastMs = 5;

    private const int MostRepeats = 64;

    /// <summary>
    /// Odd extents, so that tiles have edges, and a sum that is split: rows or pixels, inputs, outputs. A convolution
    /// of 9 x 11 pixels, three taps each way.
    /// </summary>
    private const int EdgeRows = 150, EdgeHeight = 9, EdgeWidth = 11, EdgeIn = 72, EdgeOut = 90;

    private readonly GpuBackend _backend;
    private readonly TileTable _before;
    private readonly Dictionary<TuningCase, int> _repeats = [];
    private readonly Dictionary<(TuningCase, DType, bool), Product> _products = [];

    /// <summary>What the products are of; those of others are freed.</summary>
    private (string File, DType Activations) _group = ("", DType.F32);

    public GpuTileBench(GpuBackend backend)
    {
        _backend = backend;
        _before = backend.Tiles;
    }

    public string? Check(TuningCase of, TileShape tile, DType storage) =>
        Differs(of, tile, storage, atEdge: true) ?? Differs(of, tile, storage, atEdge: false);

    public double Milliseconds(TuningCase of, TileShape tile)
    {
        Product product = Find(of, of.Storage, atEdge: false);
        Use(of, tile, of.Storage);
        if (!_repeats.TryGetValue(of, out int repeats))
        {
            repeats = (int)Math.Clamp(Math.Ceiling(LeastMs / Time(product, 1)), 1, MostRepeats);
            _repeats.Add(of, repeats);
        }

        return Time(product, repeats);
    }

    public void Dispose()
    {
        _backend.Tiles = _before;
        Free();
    }

    private void Free()
    {
        foreach (Product product in _products.Values)
        {
            product.Dispose();
        }

        _products.Clear();
    }

    private string? Differs(TuningCase of, TileShape tile, DType storage, bool atEdge)
    {
        Product product = Find(of, storage, atEdge);
        if (product.Expected is null)
        {
            Use(of, TileShape.Usual, storage);
            product.Expected = product.Result();
        }

        if (tile == TileShape.Usual)
        {
            return null;
        }

        Use(of, tile, storage);
        byte[] actual = product.Result();
        if (actual.AsSpan().SequenceEqual(product.Expected))
        {
            return null;
        }

        int bytes = product.Type.ElementBytes(), different = 0;
        for (int i = 0; i < actual.Length; i += bytes)
        {
            different += actual.AsSpan(i, bytes).SequenceEqual(product.Expected.AsSpan(i, bytes)) ? 0 : 1;
        }

        return $"{different} of {actual.Length / bytes} numbers are not those of the usual tile";
    }

    private double Time(Product product, int repeats)
    {
        _backend.Synchronize();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeats; i++)
        {
            product.Launch();
        }

        _backend.Synchronize();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / repeats;
    }

    private void Use(TuningCase of, TileShape tile, DType storage)
    {
        TileTable table = new();
        foreach (TileLevel level in tile == TileShape.Usual ? [] : Enum.GetValues<TileLevel>())
        {
            table.Add(of.Usual(storage), level, tile, _backend.Limits.IsCpu);
        }

        _backend.Tiles = table;
    }

    private Product Find(TuningCase of, DType storage, bool atEdge)
    {
        if (!_products.TryGetValue((of, storage, atEdge), out Product? product))
        {
            if (_group.File != of.File || _group.Activations != of.Activations)
            {
                Free();
                _group = (of.File, of.Activations);
            }

            product = Make(of, storage, atEdge);
            _products.Add((of, storage, atEdge), product);
        }

        return product;
    }

    private Product Make(TuningCase of, DType storage, bool atEdge)
    {
        (int inputs, int outputs) = atEdge ? (EdgeIn, EdgeOut) : (of.In, of.Out);
        if (of.File == TuningCase.MatMul)
        {
            LinearDims d = new(atEdge ? EdgeRows : of.Rows, inputs, outputs, Activation.Silu);
            Product linear = new(_backend, of.Activations, storage, d.Rows, inputs, outputs, 1);
            linear.Launch = () => _backend.MatMul.Linear(d, linear.X, linear.Weight, linear.Bias, linear.X2, linear.Y);
            return linear;
        }

        (int height, int width) = atEdge ? (EdgeHeight, EdgeWidth) : (of.Side, of.Side);
        Conv2dDims c = new(1, height, width, inputs, outputs, 3, 1, Padding.All(1), Activation.Silu);
        Product conv = new(_backend, of.Activations, storage, height * width, inputs, outputs, 9);
        conv.Launch = () => _backend.Conv2d.Forward(
            c, conv.X, conv.Weight, conv.Bias, BufferView.None, conv.X2, conv.Y);
        return conv;
    }

    /// <summary>The buffers of a product, uniform in [-1, 1), and the call that computes it.</summary>
    private sealed class Product : IDisposable
    {
        private readonly GpuBackend _backend;
        private readonly List<MemoryBlock> _blocks = [];
        private uint _drawn;

        public Product(
            GpuBackend backend, DType activations, DType storage, int rows, int inputs, int outputs, int taps)
        {
            _backend = backend;
            X = Draw(activations, (long)rows * inputs);
            Weight = Draw(storage, (long)outputs * inputs * taps);
            Bias = Draw(DType.F32, outputs);
            X2 = Draw(activations, (long)rows * outputs);
            Y = Draw(activations, (long)rows * outputs);
        }

        public Action Launch { get; set; } = () => { };

        public BufferView X { get; }

        public BufferView Weight { get; }

        public BufferView Bias { get; }

        /// <summary>What is added to the product.</summary>
        public BufferView X2 { get; }

        public BufferView Y { get; }

        public DType Type => Y.Type;

        /// <summary>What the usual tile gives.</summary>
        public byte[]? Expected { get; set; }

        /// <summary>What comes out; numbers that are not written stay none.</summary>
        public byte[] Result()
        {
            byte[] bytes = new byte[Y.Bytes];
            bytes.AsSpan().Fill(0xFF);
            _backend.Upload(bytes, Y);
            Launch();
            _backend.Download(Y, bytes);
            return bytes;
        }

        public void Dispose() => _blocks.ForEach(block => block.Dispose());

        private BufferView Draw(DType type, long count)
        {
            byte[] bytes = new byte[count * type.ElementBytes()];
            for (int i = 0; i < count; i++)
            {
                // A step of a linear congruential generator, Numerical Recipes: what is timed only must not be zeros.
                _drawn = (_drawn * 1664525) + 1013904223;
                float value = ((_drawn >> 8) / 8388608f) - 1;
                Span<byte> at = bytes.AsSpan(i * type.ElementBytes());
                switch (type)
                {
                    case DType.F32:
                        MemoryMarshal.Write(at, value);
                        break;
                    case DType.F16:
                        MemoryMarshal.Write(at, (Half)value);
                        break;
                    default:
                        MemoryMarshal.Write(at, (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
                        break;
                }
            }

            MemoryBlock block = _backend.Allocate(bytes.Length);
            _blocks.Add(block);
            BufferView view = new(block, type, 0, count);
            _backend.Upload(bytes, view);
            return view;
        }
    }
}
