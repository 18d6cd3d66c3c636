using System.Globalization;

namespace ControlNet.Native.Tensors.Gpu.OpenCl;

/// <summary>The names of OpenCL's codes, as its headers have them.</summary>
internal static class OpenClCodes
{
    public const int MemoryAllocationFailure = -4;
    public const int OutOfResources = -5;
    public const int OutOfHostMemory = -6;
    public const int DeviceNotAvailable = -2;
    public const int InvalidValue = -30;
    public const int InvalidContext = -34;
    public const int InvalidCommandQueue = -36;
    public const int InvalidMemObject = -38;
    public const int InvalidBufferSize = -61;
    public const int NoPlatform = -1001;
    public const int IllegalAccess = -9999;

    /// <summary>
    /// Whether a code says that the device is gone, rather than that one call was refused. A call that reports what
    /// became of earlier launches says so by any code but those for its own arguments and for memory.
    /// </summary>
    public static bool IsLoss(int code, bool late) =>
        code is DeviceNotAvailable or InvalidContext or InvalidCommandQueue or IllegalAccess || (late && code is not (
            MemoryAllocationFailure or OutOfHostMemory or InvalidValue or InvalidMemObject or InvalidBufferSize));

    public static string Name(int code) => code switch
    {
        -1 => "CL_DEVICE_NOT_FOUND",
        DeviceNotAvailable => "CL_DEVICE_NOT_AVAILABLE",
        -3 => "CL_COMPILER_NOT_AVAILABLE",
        MemoryAllocationFailure => "CL_MEM_OBJECT_ALLOCATION_FAILURE",
        OutOfResources => "CL_OUT_OF_RESOURCES",
        OutOfHostMemory => "CL_OUT_OF_HOST_MEMORY",
        -7 => "CL_PROFILING_INFO_NOT_AVAILABLE",
        -8 => "CL_MEM_COPY_OVERLAP",
        -11 => "CL_BUILD_PROGRAM_FAILURE",
        -12 => "CL_MAP_FAILURE",
        -13 => "CL_MISALIGNED_SUB_BUFFER_OFFSET",
        -14 => "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST",
        -15 => "CL_COMPILE_PROGRAM_FAILURE",
        -16 => "CL_LINKER_NOT_AVAILABLE",
        -17 => "CL_LINK_PROGRAM_FAILURE",
        InvalidValue => "CL_INVALID_VALUE",
        -31 => "CL_INVALID_DEVICE_TYPE",
        -32 => "CL_INVALID_PLATFORM",
        -33 => "CL_INVALID_DEVICE",
        InvalidContext => "CL_INVALID_CONTEXT",
        -35 => "CL_INVALID_QUEUE_PROPERTIES",
        InvalidCommandQueue => "CL_INVALID_COMMAND_QUEUE",
        -37 => "CL_INVALID_HOST_PTR",
        InvalidMemObject => "CL_INVALID_MEM_OBJECT",
        -42 => "CL_INVALID_BINARY",
        -43 => "CL_INVALID_BUILD_OPTIONS",
        -44 => "CL_INVALID_PROGRAM",
        -45 => "CL_INVALID_PROGRAM_EXECUTABLE",
        -46 => "CL_INVALID_KERNEL_NAME",
        -47 => "CL_INVALID_KERNEL_DEFINITION",
        -48 => "CL_INVALID_KERNEL",
        -49 => "CL_INVALID_ARG_INDEX",
        -50 => "CL_INVALID_ARG_VALUE",
        -51 => "CL_INVALID_ARG_SIZE",
        -52 => "CL_INVALID_KERNEL_ARGS",
        -53 => "CL_INVALID_WORK_DIMENSION",
        -54 => "CL_INVALID_WORK_GROUP_SIZE",
        -55 => "CL_INVALID_WORK_ITEM_SIZE",
        -56 => "CL_INVALID_GLOBAL_OFFSET",
        -57 => "CL_INVALID_EVENT_WAIT_LIST",
        -58 => "CL_INVALID_EVENT",
        -59 => "CL_INVALID_OPERATION",
        InvalidBufferSize => "CL_INVALID_BUFFER_SIZE",
        -63 => "CL_INVALID_GLOBAL_WORK_SIZE",
        NoPlatform => "CL_PLATFORM_NOT_FOUND_KHR",
        IllegalAccess => "an illegal access to a buffer, as NVIDIA's driver reports it",
        _ => string.Create(CultureInfo.InvariantCulture, $"CL_ERROR_{code}"),
    };
}
