using System;
using System.IO;
using System.Security.Cryptography;
using System.Text;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// Programs as a driver built them, and what was found out about a device, kept on the disk between runs. A file is
/// the SHA-256 of its content followed by the content, is written beside its place and renamed, and is named by a hash
/// of everything that decides what it says. Whatever goes wrong, it is made again.
/// </summary>
/// <param name="folder">Where the files are; null for no cache.</param>
internal sealed class KernelCache(string? folder)
{
    /// <summary>How many programs were taken from the disk, accepted or not.</summary>
    public int Hits { get; private set; }

    /// <summary>
    /// The cache of this user, or what <c>CONTROLNET_KERNEL_CACHE</c> names: a folder, or <c>none</c>.
    /// </summary>
    public static KernelCache ForUser()
    {
        string? named = Environment.GetEnvironmentVariable("CONTROLNET_KERNEL_CACHE");
        if (!string.IsNullOrEmpty(named))
        {
            return new KernelCache(named == "none" ? null : named);
        }

        string data = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        return new KernelCache(data.Length == 0 ? null : Path.Combine(data, "ControlNet.Native", "kernels"));
    }

    /// <summary>The name under which a program is kept.</summary>
    /// <param name="parts">Device, vendor, driver, version, options and source.</param>
    public static string Key(params ReadOnlySpan<string> parts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts))));

    /// <summary>The program kept under a name; null when there is none, or a damaged one.</summary>
    public byte[]? Find(string key)
    {
        if (folder is null)
        {
            return null;
        }

        try
        {
            byte[] file = File.ReadAllBytes(PathOf(folder, key));
            if (file.Length <= SHA256.HashSizeInBytes)
            {
                return null;
            }

            byte[] program = file[SHA256.HashSizeInBytes..];
            if (!SHA256.HashData(program).AsSpan().SequenceEqual(file.AsSpan(0, SHA256.HashSizeInBytes)))
            {
                return null;
            }

            Hits++;
            return program;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps a program.</summary>
    public void Keep(string key, byte[] program)
    {
        if (folder is null)
        {
            return;
        }

        try
        {
            Directory.CreateDirectory(folder);
            string path = PathOf(folder, key);
            string beside = $"{path}.{Guid.NewGuid():N}.partial";
            File.WriteAllBytes(beside, [.. SHA256.HashData(program), .. program]);
            File.Move(beside, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    private static string PathOf(string folder, string key) => Path.Combine(folder, $"{key}.program");
}
